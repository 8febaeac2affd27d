import { join, resolve } from 'node:path'
import type { Page } from '@playwright/test'
import { MB, clip, large, picture, rich, sound, text, unplayable } from '../support/media.ts'
import { givePosters } from '../support/posters.ts'
import { parts } from '../support/puts.ts'
import { Site } from '../support/site.ts'
import { choose, newToken } from '../support/upload-page.ts'
import { expect, test } from '../support/test.ts'

const INTO = resolve(import.meta.dirname, '../../screenshots')
const ALLOWED = { 'access-control-allow-origin': '*' }

/** The page as it is, in every width and colour scheme; with this element in the middle. */
async function shoot(page: Page, state: string, center?: string): Promise<void> {
  for (const [width, height] of [[320, 640], [768, 1024], [1440, 900]] as const) {
    await page.setViewportSize({ width, height })
    if (center !== undefined) await page.locator(center).evaluate((element) => { element.scrollIntoView({ block: 'center' }); })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.screenshot({ path: join(INTO, `${state}-${width.toString()}-${colorScheme}.png`) })
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 })
}

test('states of the web app', async ({ files, cloud, site }) => {
  test.setTimeout(600_000)
  const { page } = files
  const source = await Site.start({ '/poster.png': picture(), '/holiday.webm': clip() })
  await page.goto(site.page)
  await page.getByLabel('API key').fill('fm_00')
  await page.getByLabel('API address').fill(cloud.ready.api)
  await page.getByRole('button', { name: 'Connect' }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  await shoot(page, '01-key-refused')

  await files.open()
  await expect(page.getByRole('heading', { name: 'Nothing here yet' })).toBeVisible()
  await shoot(page, '02-empty')

  await givePosters(page, cloud.ready.api, `${source.origin}/poster.png`)
  const names = ['clip.webm', 'picture.png', 'sound.mp3', 'rich.mkv', 'old.avi', 'notes.txt', 'صورة العطلة الصيفية في الجبال.png', 'empty.bin']
  await files.choose(
    clip(), picture(), sound(), rich(), unplayable('old.avi'), text('notes.txt', 'no media'), picture('صورة العطلة الصيفية في الجبال.png'), text('empty.bin', ''),
  )
  await files.api('/files', { file_url: `${cloud.ready.api}/nothing.mp4` })
  await files.api('/files', { file_url: `${source.origin}/holiday.webm`, name: 'A rather long name of a holiday film that nobody would type, second cut, with music.webm' })
  for (const name of names) await expect(files.row(name).locator('.chip')).toHaveText(/Ready|No media|Empty/)
  await files.expectStatus('nothing.mp4', 'Failed')
  await expect(files.uploads).toContainText('8 files uploaded')
  await files.uploads.getByRole('button', { name: 'Clear' }).click()
  await expect(page.locator('.thumb img').first()).toBeVisible()
  await shoot(page, '03-list')

  await page.getByRole('button', { name: 'Grid' }).click()
  await shoot(page, '04-grid')
  await files.row('clip.webm').getByRole('checkbox').click()
  await files.row('picture.png').getByRole('checkbox').click()
  await shoot(page, '05-selection')
  await page.getByRole('group', { name: 'Selected files' }).getByRole('button', { name: 'Delete' }).click()
  await shoot(page, '06-delete')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'List', exact: true }).click()
  await page.getByRole('button', { name: 'Clear selection' }).click()

  await files.show('rich.mkv')
  await expect(page.getByRole('row', { name: 'Dynamic range' })).toBeVisible()
  await shoot(page, '07-details')
  await page.getByRole('dialog').evaluate((sheet) => { sheet.scrollTop = 500; })
  await shoot(page, '07-details-below')
  await page.getByRole('button', { name: 'Edit metadata' }).click()
  await page.getByLabel('Name 1', { exact: true }).fill('project')
  await page.getByLabel('Value 1', { exact: true }).fill('The trailer of the second season')
  await shoot(page, '11-edit-metadata', '.metadata-form')
  const { id } = await files.found('rich.mkv')
  await files.patch(`/files/${id}`, { name: 'rich 2.mkv', metadata: { scene: '7' } })
  await page.getByRole('button', { name: 'Save metadata' }).click()
  await expect(page.locator('.conflict')).toBeVisible()
  await shoot(page, '12-stale-edit', '.conflict')
  await page.getByRole('button', { name: 'Discard my change' }).click()
  await page.keyboard.press('Escape')
  await shoot(page, '13-usage', '.usage')
  await page.evaluate(() => { scrollTo(0, 0); })
  await page.getByRole('button', { name: 'Upload links' }).click()
  await shoot(page, '14-upload-link-form')
  await page.getByRole('button', { name: 'Create an upload link' }).click()
  await expect(page.getByText('Copy it now')).toBeVisible()
  await shoot(page, '15-upload-link')
  await page.keyboard.press('Escape')
  await files.show('nothing.mp4')
  await shoot(page, '08-failed-import')
  await page.keyboard.press('Escape')

  await page.route(parts(3, 4, 5), () => undefined)
  await page.route(
    (url) => url.searchParams.get('x-id') === 'PutObject',
    (route) => route.fulfill({ status: 405, headers: ALLOWED, body: '<Message>The storage takes no more today</Message>' }),
  )
  await files.choose(large('uploading.webm', 40 * MB), clip())
  await expect(files.uploads.getByRole('alert')).toBeVisible()
  await expect(files.uploads).toContainText('2 of 5 parts')
  await shoot(page, '09-uploads')
  await files.uploads.getByRole('button', { name: 'Cancel', exact: true }).click()
  await files.uploads.getByRole('button', { name: 'Clear' }).click()

  await page.getByLabel('Import from URLs').fill(`${source.origin}/holiday.webm?signature=0123456789abcdef0123456789abcdef`)
  await page.getByRole('button', { name: 'Preview' }).click()
  await expect(page.getByRole('region', { name: 'Preview' })).toBeVisible()
  await page.context().setOffline(true)
  await expect(page.getByText('You are offline')).toBeVisible()
  await shoot(page, '10-preview-offline')
  await page.context().setOffline(false)
  source.stop()
})

test('states of the upload page', async ({ files, cloud }) => {
  test.setTimeout(600_000)
  const { page } = files
  const { token, id } = await newToken(files, { max_size: 50 * MB, content_types: ['video/*', 'text/plain'] })
  const uploadPage = `${cloud.origin}/upload.html`
  await page.goto(`${uploadPage}#token=${token}`)
  await expect(page.getByLabel('Choose files')).toBeAttached()
  await shoot(page, '20-upload-page')

  await page.route(parts(3, 4, 5), () => undefined)
  await choose(page, clip(), text('letter.txt', 'x'))
  await expect(page.getByText('2 files arrived.')).toBeVisible()
  await choose(page, large('uploading.webm', 40 * MB), picture())
  await expect(page.getByRole('alert')).toBeVisible()
  await expect(page.getByText('16.0 MB of 40.0 MB')).toBeVisible()
  await shoot(page, '21-upload-page-busy')
  await page.reload()
  await expect(page.getByText('Not finished yet.')).toBeVisible()
  await shoot(page, '22-upload-page-interrupted')
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await files.remove(`/upload-tokens/${id}`)
  await choose(page, clip())
  await expect(page.getByText('This upload page has expired.')).toBeVisible()
  await shoot(page, '23-upload-page-expired')

  const { token: other } = await newToken(files)
  const brand = new URLSearchParams({ token: other, accent: '#ffd400', background: '#0a2342', radius: '0' })
  await page.goto('about:blank')
  await page.goto(`${uploadPage}#${brand.toString()}`)
  await choose(page, clip())
  await expect(page.getByText('1 file arrived.')).toBeVisible()
  await shoot(page, '24-upload-page-branded')
})
