import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'vite'
import { MB, clip, large } from './support/media.ts'
import { Puts } from './support/puts.ts'
import { Site } from './support/site.ts'
import { expect, test } from './support/test.ts'

const STOCK = resolve(import.meta.dirname, 'stock')

test('a stock @uppy/aws-s3, configured as its documentation says, uploads in one PUT and in parts', async ({ files, key }) => {
  const folder = mkdtempSync(join(tmpdir(), 'files-web-stock-'))
  const lib = { entry: join(STOCK, 'stock.ts'), formats: ['es' as const], fileName: () => 'stock.js' }
  await build({ configFile: false, publicDir: false, logLevel: 'error', root: STOCK, build: { lib, outDir: folder } })
  const site = await Site.start({ '/stock.html': join(STOCK, 'stock.html'), '/stock.js': join(folder, 'stock.js') })
  const { page } = files
  const puts = new Puts(page)
  const path = large('stock.webm', 40 * MB)
  await page.goto(`${site.origin}/stock.html#${encodeURIComponent(files.cloud.ready.api)}&${encodeURIComponent(key)}`)
  await page.locator('input').setInputFiles([path, clip()])
  await expect(page.locator('output')).toHaveText('2 done, 0 failed')
  expect(puts.stored()).toEqual([0, 1, 2, 3, 4, 5])

  await files.open()
  await files.expectStatus('stock.webm', 'Ready')
  await files.expectStatus('clip.webm', 'Ready')
  expect(await files.hashOfStored('stock.webm')).toBe(files.hashOf(path))
  site.stop()
  rmSync(folder, { recursive: true })
})
