import { clip, text } from './support/media.ts'
import { expect, test } from './support/test.ts'

test('a wrong key is refused in the server’s own words, and a right one is never part of a URL', async ({ page, cloud, key }) => {
  const seen: string[] = []
  page.on('request', (request) => seen.push(request.url()))
  await page.goto(`${cloud.origin}/`)
  await page.getByLabel('API key').fill('fm_00')
  await page.getByRole('button', { name: 'Connect' }).click()
  await expect(page.getByRole('alert')).toContainText('Invalid or expired API key')
  await page.getByLabel('API key').fill(key)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Nothing here yet' })).toBeVisible()
  expect(seen.filter((url) => url.includes(key))).toEqual([])
  await page.reload()
  await expect(page.getByRole('heading', { name: 'Library' })).toBeVisible()
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(key)
})

test('a small file goes with one PUT, shows its facts, plays, seeks, and is deleted after asking', async ({ files }) => {
  const { page } = files
  const puts: string[] = []
  page.on('request', (request) => { if (request.method() === 'PUT') puts.push(request.url()) })
  await files.open()
  await files.choose(clip())
  await files.expectStatus('clip.webm', 'Ready')
  expect(puts).toHaveLength(1)
  await expect(files.row('clip.webm')).toContainText('320 × 180')

  const sheet = await files.show('clip.webm')
  await expect(sheet.getByRole('row', { name: /^Video/ })).toContainText('VP8')
  const video = sheet.locator('video')
  await expect.poll(() => video.evaluate((player: HTMLVideoElement) => player.readyState)).toBeGreaterThan(0)
  await video.evaluate((player: HTMLVideoElement) => {
    player.muted = true
    player.currentTime = 8
    return player.play()
  })
  await expect.poll(() => video.evaluate((player: HTMLVideoElement) => player.currentTime)).toBeGreaterThan(8)

  await sheet.getByRole('button', { name: 'Delete' }).click()
  const question = page.getByRole('dialog', { name: 'Delete file' })
  await expect(question).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(question).toBeHidden()
  await expect(sheet).toBeVisible()
  await sheet.getByRole('button', { name: 'Delete' }).click()
  await question.getByRole('button', { name: 'Delete' }).click()
  await expect(page.locator('.toast')).toContainText('Deleted clip.webm')
  await expect(files.row('clip.webm')).toHaveCount(0)
  const left = (await (await files.api('/files')).json()) as { files: unknown[] }
  expect(left.files).toEqual([])
})

test('names, metadata and errors are text, whatever they look like', async ({ files }) => {
  const { page } = files
  let alerted = false
  page.on('dialog', (dialog) => {
    alerted = true
    void dialog.dismiss()
  })
  const malicious = '<img src=x onerror=alert(1)>"\'&amp;{{7*7}}.txt'
  await files.api('/files', { name: malicious, size: 5, metadata: { '<b>k</b>': '<script>alert(2)</script>' } })
  await files.open()
  await expect(files.row(malicious)).toBeVisible()
  const sheet = await files.show(malicious)
  await expect(sheet.getByRole('heading', { name: malicious })).toBeVisible()
  await expect(sheet.getByText('<script>alert(2)</script>', { exact: true })).toBeVisible()
  await expect(sheet.getByText('<b>k</b>', { exact: true })).toBeVisible()
  await sheet.getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('dialog', { name: 'Delete file' })).toContainText(malicious)
  expect(await page.locator('img').count()).toBe(0)
  expect(alerted).toBe(false)
})

test('filters and pages show what they say, and a page begins at its top', async ({ files }) => {
  const { page } = files
  await files.announce(54)
  await files.open()
  await files.choose(text('notes.txt', 'no media'))
  await files.expectStatus('notes.txt', 'No media')
  await expect(page.locator('li.file')).toHaveCount(48)
  await page.setViewportSize({ width: 1280, height: 320 }) // so low that the seven files of the second page do not fit
  await page.getByRole('button', { name: 'Next' }).click()
  await expect(page.locator('li.file')).toHaveCount(7)
  await expect(page.getByRole('heading', { name: 'Library' })).toBeInViewport()
  await page.setViewportSize({ width: 1280, height: 720 })
  await expect(files.row('waiting 1.mov')).toBeVisible()
  await page.getByRole('button', { name: 'Previous' }).click()
  await expect(page.locator('li.file')).toHaveCount(48)

  await page.getByLabel('Status').selectOption('Ready')
  await expect(page.locator('li.file')).toHaveCount(1)
  await expect(files.row('notes.txt')).toBeVisible()
  await page.getByLabel('Source').selectOption('Imported')
  await expect(page.getByRole('heading', { name: 'No file fits' })).toBeVisible()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByLabel('Order').selectOption('Oldest first')
  await expect(page.locator('li.file').first()).toContainText('waiting 1.mov')
})
