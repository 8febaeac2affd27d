import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'

const ASSETS = resolve(import.meta.dirname, '../dist/assets')

test('the web app takes less than 100 kB on the wire', () => {
  const sizes = readdirSync(ASSETS).map((name) => gzipSync(readFileSync(join(ASSETS, name))).length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000)
})
