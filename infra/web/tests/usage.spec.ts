import { statSync } from 'node:fs'
import { faultsInBoth } from './support/axe.ts'
import { clip } from './support/media.ts'
import { expect, test } from './support/test.ts'

test('totals follow the files, without a bar where there is no limit', async ({ files }) => {
  const { page } = files
  await files.open()
  const usage = page.getByRole('region', { name: 'Usage' })
  await expect(usage).toContainText('Stored 0 B')
  await files.choose(clip())
  await files.expectStatus('clip.webm', 'Ready')
  await expect(usage).toContainText(`Stored ${(statSync(clip()).size / 1024).toFixed(0)}`)
  await expect(usage).toContainText('Files 1')
  await expect(usage.getByRole('progressbar')).toHaveCount(0)
  await files.announce(1)
  await page.reload()
  await expect(usage).toContainText(/1 upload waits for its bytes \(at most [\d,.]+\)/)
  const { id } = await files.found('waiting 1.mov')
  const put = (await (await files.api(`/uploads/${id}/sign`, {})).json()) as { url: string; headers: Record<string, string> }
  await fetch(put.url, { method: 'PUT', headers: put.headers, body: '12345' })
  await expect(usage).not.toContainText('waits', { timeout: 20_000 }) // soon after the library has learnt of it
})

test('limits have bars, which say when they are almost reached', async ({ files }) => {
  const { page } = files
  const used = { stored_bytes: 95 * 1024 ** 3, files: 12, pending_uploads: 2, imports: 1, previews: 0 }
  const limits = { stored_bytes: 100 * 1024 ** 3, files: 10, pending_uploads: null, imports: 10, previews: 4 }
  await page.route(/\/v1\/usage$/, (route) => route.fulfill({ headers: { 'access-control-allow-origin': '*' }, json: { used, limits } }))
  await files.open()
  const usage = page.getByRole('region', { name: 'Usage' })
  await expect(usage).toContainText('Stored 95.0 GB of 100 GBalmost full')
  await expect(usage).toContainText('Files 12 of 10full')
  await expect(usage).toContainText('2 uploads wait for their bytes · 1 import is under way (at most 10)')
  await expect(usage.getByRole('progressbar', { name: 'Stored: share of the limit' })).toHaveJSProperty('value', 0.95)
  await expect(usage.getByRole('progressbar', { name: 'Files: share of the limit' })).toHaveJSProperty('value', 1)
  expect(await faultsInBoth(page)).toEqual([])
  for (const width of [320, 768, 1440]) {
    await page.setViewportSize({ width, height: 800 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${width.toString()} px`).toBeLessThanOrEqual(0)
  }
})
