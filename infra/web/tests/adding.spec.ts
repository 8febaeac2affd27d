import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { faultsInBoth } from './support/axe.ts'
import { clip } from './support/media.ts'
import { Site } from './support/site.ts'
import { expect, test } from './support/test.ts'

interface Data {
  file?: [name: string, content: string]
  text?: [type: string, content: string]
}

/** Sends an event with this data to whatever has the focus, as a browser does. */
async function give(page: Page, event: 'paste' | 'dragenter' | 'drop', data: Data): Promise<void> {
  await page.evaluate(([type, { file, text }]) => {
    const transfer = new DataTransfer()
    if (file !== undefined) transfer.items.add(new File([file[1]], file[0], { type: 'text/plain' }))
    if (text !== undefined) transfer.setData(text[0], text[1])
    const made = type === 'paste'
      ? new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })
      : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true })
    ;(document.activeElement ?? document.body).dispatchEvent(made)
  }, [event, data] as const)
}

test('files are dropped anywhere, and pasted', async ({ files }) => {
  const { page } = files
  await files.open()
  await give(page, 'dragenter', { file: ['dropped.txt', 'one'] })
  await expect(page.getByText('Drop to upload')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  await give(page, 'drop', { file: ['dropped.txt', 'one'] })
  await expect(page.getByText('Drop to upload')).toHaveCount(0)
  await files.expectStatus('dropped.txt', 'No media')
  await give(page, 'paste', { file: ['pasted.txt', 'two'] })
  await files.expectStatus('pasted.txt', 'No media')
})

test('a folder is uploaded with the paths of its files', async ({ files }) => {
  const { page } = files
  const folder = mkdtempSync(join(tmpdir(), 'files-web-folder-'))
  mkdirSync(join(folder, 'holiday', 'day 1'), { recursive: true })
  writeFileSync(join(folder, 'holiday', 'a.txt'), 'a')
  writeFileSync(join(folder, 'holiday', 'day 1', 'a.txt'), 'a')
  await files.open()
  await page.getByLabel('Choose a folder').setInputFiles(join(folder, 'holiday'))
  await expect(files.uploads).toContainText('2 files uploaded')
  await expect(page.locator('li.file')).toHaveCount(2)
  const { files: listed } = (await (await files.api('/files')).json()) as { files: { id: string }[] }
  const details = await Promise.all(listed.map(async ({ id }) => (await (await files.api(`/files/${id}`)).json()) as { metadata: { path: string } }))
  expect(details.map(({ metadata }) => metadata.path).sort()).toEqual(['holiday/a.txt', 'holiday/day 1/a.txt'])
  rmSync(folder, { recursive: true })
})

test('the same file can be uploaded again', async ({ files }) => {
  await files.open()
  for (const count of [1, 2]) {
    await files.choose(clip())
    await expect(files.uploads).toContainText('1 file uploaded')
    await expect(files.page.locator('li.file')).toHaveCount(count)
  }
})

test('many files are uploaded with few requests for the list', async ({ files }) => {
  const { page } = files
  const folder = mkdtempSync(join(tmpdir(), 'files-web-many-'))
  const paths = Array.from({ length: 40 }, (_, index) => join(folder, `${index.toString()}.txt`))
  for (const path of paths) writeFileSync(path, path)
  await files.open()
  let looks = 0
  page.on('request', (request) => { if (request.url().includes('/files?')) looks += 1 })
  const began = Date.now()
  await files.choose(...paths)
  await expect(files.uploads).toContainText('40 files uploaded')
  expect(looks).toBeLessThanOrEqual(3 + (Date.now() - began) / 400)
  await files.uploads.getByRole('button', { name: 'Clear' }).click()
  await expect(files.uploads).toHaveCount(0)
  rmSync(folder, { recursive: true })
})

test('URLs are pasted and dropped into the form; several are imported at once, and what is refused stays', async ({ files }) => {
  const { page } = files
  const source = await Site.start({ '/one.webm': clip(), '/two.webm': clip() })
  await files.open()
  const field = page.getByLabel('Import from URLs')
  await give(page, 'drop', { text: ['text/uri-list', `# a comment\r\n${source.origin}/one.webm\r\n`] })
  await expect(field).toHaveValue(`${source.origin}/one.webm`)
  await expect(field).toBeFocused()
  await page.getByRole('button', { name: 'Grid' }).focus()
  await give(page, 'paste', { text: ['text/plain', `${source.origin}/one.webm ftp://example.com/three\n${source.origin}/two.webm`] })
  await expect(field).toHaveValue(`${source.origin}/one.webm\n${source.origin}/two.webm`)
  await field.fill(`${source.origin}/one.webm\nftp://example.com/three\n${source.origin}/two.webm`)
  await expect(page.getByRole('button', { name: 'Preview' })).toBeDisabled()
  await page.getByRole('button', { name: 'Import 3' }).click()
  await expect(page.locator('.toast')).toContainText('Importing 2 files')
  await expect(page.locator('.import').getByRole('alert')).toContainText('Invalid URL')
  await expect(field).toHaveValue('ftp://example.com/three')
  expect(await faultsInBoth(page)).toEqual([])
  await files.expectStatus('one.webm', 'Ready')
  await files.expectStatus('two.webm', 'Ready')
  source.stop()
})

test('all of a long URL is seen', async ({ files }) => {
  const { page } = files
  await files.open()
  const field = page.getByLabel('Import from URLs')
  await field.fill(`https://example.com/${'0123456789'.repeat(12)}`)
  expect(await field.evaluate((area) => area.scrollHeight <= area.clientHeight && area.scrollWidth <= area.clientWidth)).toBe(true)
})
