import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'

const DIST = resolve(import.meta.dirname, '../dist')
const ASSETS = join(DIST, 'assets')

test('the web app takes less than 100 kB on the wire', () => {
  const sizes = readdirSync(ASSETS).map((name) => gzipSync(readFileSync(join(ASSETS, name))).length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000)
})

test('the upload page is one file of less than 60 kB on the wire, and needs no other', () => {
  const html = readFileSync(join(DIST, 'upload.html'), 'utf8')
  expect(gzipSync(html).length).toBeLessThan(60_000)
  expect(html).not.toMatch(/<(script|link)[^>]+(src|href)=/)
})
