import { faults, faultsInBoth } from './support/axe.ts'
import { clip, text } from './support/media.ts'
import { expect, test } from './support/test.ts'

for (const colorScheme of ['light', 'dark'] as const) {
  test(`everything has a name, a role and enough contrast when it is ${colorScheme}`, async ({ files, site, cloud }) => {
    const { page } = files
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.goto(site.page)
    await expect(page.getByLabel('API key')).toBeVisible()
    expect(await faults(page)).toEqual([])
    for (const name of ['waiting.mov', 'notes.txt']) await files.api('/files', { name, size: 5 })
    await files.api('/files', { file_url: `${cloud.ready.api}/nothing.mp4` }) // a 404, at once
    await files.open()
    await files.choose(clip())
    await files.expectStatus('clip.webm', 'Ready')
    await files.expectStatus('nothing.mp4', 'Failed')
    expect(await faults(page)).toEqual([])
    await page.getByRole('button', { name: 'Grid' }).click()
    await files.row('clip.webm').getByRole('checkbox').click()
    expect(await faults(page)).toEqual([])
    await files.show('clip.webm')
    await expect(page.getByRole('row', { name: /^Video/ })).toBeVisible()
    expect(await faults(page)).toEqual([])
    await page.keyboard.press('Escape')
    await files.show('nothing.mp4')
    await expect(page.getByRole('dialog').locator('.note.error')).toBeVisible()
    expect(await faults(page)).toEqual([])
  })
}

test('failed uploads, refused imports, a broken network and an unknown file are accessible, too', async ({ files, context }) => {
  const { page } = files
  await files.open('#file=01999999-0000-7000-8000-000000000000')
  await expect(page.getByRole('dialog')).toContainText('another owner')
  expect(await faults(page)).toEqual([])
  await page.keyboard.press('Escape')
  await page.route((url) => url.searchParams.get('x-id') === 'PutObject', (route) =>
    route.fulfill({ status: 405, headers: { 'access-control-allow-origin': '*' }, body: '<Message>No more room</Message>' }))
  await files.choose(clip())
  await expect(files.uploads.getByRole('alert')).toContainText('No more room')
  await page.getByLabel('Import from URLs').fill('nothing to import')
  await page.getByLabel('Import from URLs').press('Enter')
  await expect(page.locator('.import').getByRole('alert')).toContainText('Invalid URL')
  await context.setOffline(true)
  await expect(page.getByText('You are offline')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  await context.setOffline(false)
})

test('the keyboard alone opens, closes, asks and deletes', async ({ files }) => {
  const { page } = files
  await files.api('/files', { name: 'first.mov', size: 5 })
  await files.open()
  const row = files.row('first.mov').locator('.file-open')
  await expect(row).toBeVisible()
  const check = page.getByLabel('Select first.mov')
  await page.getByRole('button', { name: 'Grid' }).focus()
  await page.keyboard.press('Tab')
  await expect(check).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(row).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'first.mov' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(row).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  const question = page.getByRole('dialog', { name: 'Delete file' })
  await expect(question.getByRole('button', { name: 'Cancel' })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(row).toHaveCount(0)
})

test('files, folders and URLs are added by the keyboard alone', async ({ files }) => {
  const { page } = files
  page.on('filechooser', (chooser) => void chooser.setFiles(text('chosen.txt', 'x'))) // before the click: the browser needs the listener first
  await files.open()
  await page.getByRole('button', { name: 'Disconnect' }).focus()
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('Choose files')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(files.uploads).toContainText('1 file uploaded')
  await expect(page.getByLabel('Choose files')).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('Choose a folder')).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(files.uploads.getByRole('button', { name: 'Clear' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(files.uploads).toHaveCount(0)
  await page.getByLabel('Import from URLs').focus()
  await page.keyboard.type('no url')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toContainText('Invalid URL')
})
