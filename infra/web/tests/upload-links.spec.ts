import { writeFileSync } from 'node:fs'
import { faultsInBoth } from './support/axe.ts'
import { clip, text } from './support/media.ts'
import { Site } from './support/site.ts'
import { expect, test } from './support/test.ts'
import { choose } from './support/upload-page.ts'

test('a link is created by the keyboard with bounds, shown once, works for somebody without a key, and is deleted', async ({ files, cloud, browser, context }) => {
  const { page } = files
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(cloud.origin)
  await files.connect()
  await page.getByRole('button', { name: 'Upload links' }).focus()
  await page.keyboard.press('Enter')
  const sheet = page.getByRole('dialog', { name: 'Upload links' })
  await expect(sheet.getByLabel('Works for')).toBeFocused()
  await sheet.getByLabel('Works for').selectOption('1 hour')
  await sheet.getByLabel('Takes').selectOption('Video')
  await sheet.getByLabel('Most files').fill('1')
  await sheet.getByLabel('Largest file, in MB').fill('1.5')
  await sheet.getByLabel('Label').fill('wedding')
  expect(await faultsInBoth(page)).toEqual([])
  await page.keyboard.press('Enter')
  await expect(sheet.getByText('Copy it now: it is shown this once.')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  for (const width of [320, 768, 1440]) {
    await page.setViewportSize({ width, height: 800 })
    expect(await sheet.evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth), `${width.toString()} px`).toBeLessThanOrEqual(0)
  }
  await sheet.getByRole('button', { name: 'Copy Link' }).click()
  await expect(sheet.getByText('Copied')).toBeVisible()
  const link = await page.evaluate(() => navigator.clipboard.readText())
  expect(link).toMatch(new RegExp(`^${cloud.origin}/upload\\.html#token=fmu_[0-9a-f]+$`))

  const stranger = await (await browser.newContext()).newPage()
  await stranger.goto(link)
  await choose(stranger, text('letter.txt', 'no video'))
  await expect(stranger.getByRole('alert')).toHaveText('Files of this kind are not accepted here.')
  await choose(stranger, clip())
  await expect(stranger.getByText('1 file arrived. Thank you.')).toBeVisible()
  const { id } = await files.found('clip.webm')
  expect(((await (await files.api(`/files/${id}`)).json()) as { metadata: unknown }).metadata).toEqual({ label: 'wedding' })

  await page.keyboard.press('Escape')
  await page.reload()
  await page.getByRole('button', { name: 'Upload links' }).click()
  await expect(sheet.getByRole('list', { name: 'Upload links of this tab' })).toContainText('wedding, Video, 1 file, up to 1.5 MB, 1 hour')
  await expect(sheet.getByText('fmu_')).toHaveCount(0)
  await sheet.getByRole('button', { name: /^Delete the link/ }).click()
  await expect(sheet.getByRole('button', { name: /^Delete the link/ })).toHaveCount(0)
  await stranger.reload()
  await choose(stranger, clip())
  await expect(stranger.getByText('This upload page has expired.')).toBeVisible()
  expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain('fmu_')
  await stranger.context().close()
})

test('the piece of HTML embeds the upload page in another origin', async ({ files, cloud, context }, info) => {
  const { page } = files
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(cloud.origin)
  await files.connect()
  await page.getByRole('button', { name: 'Upload links' }).click()
  await page.getByRole('button', { name: 'Create an upload link' }).click()
  await page.getByRole('button', { name: 'Copy HTML' }).click()
  await expect(page.getByRole('dialog').getByText('Copied')).toBeVisible()
  const html = await page.evaluate(() => navigator.clipboard.readText())
  expect(html.trimEnd().split('\n').length).toBeLessThanOrEqual(10)
  const path = info.outputPath('shop.html')
  writeFileSync(path, `<!doctype html><title>A shop</title>${html}`)
  const shop = await Site.start({ '/shop': path })
  await page.goto(`${shop.origin}/shop`)
  const frame = page.frameLocator('iframe')
  await choose(frame, clip())
  await expect(frame.getByText('1 file arrived. Thank you.')).toBeVisible()
  shop.stop()
})

test('a refused bound shows the server’s message, and a web app of another API says what to do', async ({ files }) => {
  const { page } = files
  await files.open()
  await page.getByRole('button', { name: 'Upload links' }).click()
  const sheet = page.getByRole('dialog', { name: 'Upload links' })
  const refusal = { message: 'A bound of the upload token is invalid', reason: 'invalid_upload_token', details: [{ field: 'max_size', message: 'max_size is too large' }] }
  await page.route(/\/v1\/upload-tokens$/, (route) => route.fulfill({ status: 422, headers: { 'access-control-allow-origin': '*' }, json: refusal }), { times: 1 })
  await sheet.getByRole('button', { name: 'Create an upload link' }).click()
  await expect(sheet.getByRole('alert')).toContainText('max_size is too large')
  expect(await faultsInBoth(page)).toEqual([])
  await page.unrouteAll()
  await sheet.getByRole('button', { name: 'Create an upload link' }).click()
  await expect(sheet.getByText('put a copy of upload.html on a host of yours')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
})
