import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { faultsInBoth } from './support/axe.ts'
import { clip, picture, text, unplayable } from './support/media.ts'
import { expect, test } from './support/test.ts'

const ALLOWED = { 'access-control-allow-origin': '*' }

/** A server that responds to every request with this status, until `say` sets another one. */
async function source(first: number): Promise<{ url: string; say: (status: number) => void; stop: () => void }> {
  let status = first
  const server = createServer((_, response) => response.writeHead(status, { 'content-type': 'text/plain' }).end('some text'))
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port.toString()}`,
    say: (next) => { status = next; },
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('what is no media says so, an empty file does not break the totals, and a PNG is a picture', async ({ files }) => {
  const { page } = files
  await files.open()
  await files.choose(text('empty.bin', ''), text('notes.txt', 'no media'), picture())
  await expect(files.uploads).toContainText('3 files uploaded')
  await expect(page.getByRole('progressbar', { name: 'All uploads' })).toHaveJSProperty('value', 1)
  await files.expectStatus('empty.bin', 'Empty')
  await files.expectStatus('notes.txt', 'No media')
  await files.expectStatus('picture.png', 'Ready')
  const sheet = await files.show('picture.png')
  await expect(sheet.getByRole('row', { name: 'Kind' })).toContainText('PNG picture')
  await expect(sheet.getByRole('img', { name: 'picture.png' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(await files.show('notes.txt')).toContainText('without media facts: not a media file')

  await page.keyboard.press('Escape')
  await files.uploads.getByRole('button', { name: 'Clear' }).click()
  await expect(files.uploads).toHaveCount(0)
  await files.choose(text('void.bin', ''))
  await expect(files.uploads).toContainText('1 file uploaded')
  await expect(page.getByRole('progressbar', { name: 'All uploads' })).toHaveJSProperty('value', 1)
})

test('AVI and TS are not offered to a player that cannot play them', async ({ files }) => {
  const { page } = files
  await files.open()
  await files.choose(unplayable('old.avi'), unplayable('stream.ts'))
  for (const [name, words] of [['old.avi', 'does not play AVI video files'], ['stream.ts', 'does not play MPEG transport streams']] as const) {
    await files.expectStatus(name, 'Ready')
    const sheet = await files.show(name)
    await expect(sheet).toContainText(words)
    await expect(sheet.getByRole('row', { name: 'Kind' })).toBeVisible()
    await expect(page.locator('video')).toHaveCount(0)
    if (name === 'old.avi') expect(await faultsInBoth(page)).toEqual([])
    await page.keyboard.press('Escape')
  }
})

test('one refused upload among others is one message in its row, and the counts are right', async ({ files }) => {
  const { page } = files
  const refusal = { message: 'The request is invalid', reason: 'invalid_name', request_id: 'r-1', details: [{ field: 'name', message: 'name is too long' }] }
  const refuse = async (route: import('@playwright/test').Route): Promise<void> => {
    const refused = (route.request().postData() ?? '').includes('refused.txt')
    await (refused ? route.fulfill({ status: 422, headers: ALLOWED, json: refusal }) : route.continue())
  }
  await page.route(/\/files$/, refuse)
  await files.open()
  await files.choose(text('one.txt', '1'), text('refused.txt', '2'), text('three.txt', '3'))
  await expect(files.uploads).toContainText('2 of 3 files uploaded, 1 failed')
  const row = files.uploads.getByRole('listitem').filter({ has: page.getByText('refused.txt') })
  const alert = row.getByRole('alert')
  await expect(alert).toContainText('The request is invalid')
  await expect(alert.getByRole('listitem')).toHaveText('name name is too long')
  await expect(alert).toContainText('invalid_name · r-1')
  await expect(page.getByRole('alert')).toHaveCount(1)
  expect(await faultsInBoth(page)).toEqual([])
  await files.choose(text('refused.txt', '2')) // refused again, in the same row
  await expect(files.uploads).toContainText('2 of 3 files uploaded, 1 failed')
  await page.unroute(/\/files$/, refuse)
  await row.getByRole('button', { name: 'Retry refused.txt' }).click()
  await expect(files.uploads).toContainText('3 files uploaded')
  await expect(page.getByRole('alert')).toHaveCount(0)
  await expect(files.row('refused.txt')).toBeVisible()
})

test('an import that backs off shows its reason and its next try', async ({ files }) => {
  const { page } = files
  const busy = await source(503)
  await files.open()
  await files.api('/files', { file_url: `${busy.url}/busy.webm` })
  await files.expectStatus('busy.webm', 'Retrying')
  await expect(files.row('busy.webm')).toContainText(/503.*Next try at \d+:\d\d/)
  expect(await faultsInBoth(page)).toEqual([])
  await files.show('busy.webm')
  await expect(page.getByRole('dialog').getByRole('status')).toContainText(/backs off.*503.*Next try at/)
  expect(await faultsInBoth(page)).toEqual([])
  busy.stop()
})

test('a failed import is retried from its row; the new file replaces the failed one', async ({ files }) => {
  const { page } = files
  const late = await source(404)
  await files.api('/files', { file_url: `${late.url}/late.txt`, metadata: { project: 'x' } })
  await files.open()
  await files.expectStatus('late.txt', 'Failed')
  const { id } = await files.found('late.txt')
  late.say(200)
  await files.row('late.txt').getByRole('button', { name: 'Retry late.txt' }).click()
  await files.expectStatus('late.txt', 'No media')
  await expect(page.locator('li.file')).toHaveCount(1)
  expect((await files.api(`/files/${id}`)).status).toBe(404)
  await expect((await files.show('late.txt')).getByRole('row', { name: 'project' })).toContainText('x')
  late.stop()
})

test('offline is shown within three seconds, and ends by itself', async ({ files, context }) => {
  const { page } = files
  await files.open()
  await expect(page.getByRole('heading', { name: 'Nothing here yet' })).toBeVisible()
  await context.setOffline(true)
  await expect(page.getByText('You are offline')).toBeVisible({ timeout: 3_000 })
  await files.choose(clip())
  await expect(files.uploads).toContainText('Uploading 1 file')
  await context.setOffline(false)
  await expect(page.getByText('You are offline')).toHaveCount(0)
  await files.expectStatus('clip.webm', 'Ready')
})

test('an API that does not respond is shown, too', async ({ files }) => {
  const { page } = files
  await files.open()
  await page.route(/\/v1\//, (route) => route.abort('connectionrefused'))
  await page.getByLabel('Status').selectOption('Ready')
  await expect(page.getByText('does not respond. Trying again.')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  await page.unroute(/\/v1\//)
  await expect(page.getByText('does not respond. Trying again.')).toHaveCount(0)
})

test('a probe that ended early is named, and what it found is shown', async ({ files }) => {
  const { page } = files
  await page.route(/\/v1\/files(\?|\/[0-9a-f-]+($|\?))/, async (route) => {
    const response = await route.fetch()
    const body = (await response.json()) as { files?: object[] }
    const partly = { ffprobe_error: 'ffprobe would have to read more than 64 MiB of the file' }
    await route.fulfill({ response, json: body.files === undefined ? { ...body, ...partly } : { ...body, files: body.files.map((file) => ({ ...file, ...partly })) } })
  })
  await files.open()
  await files.choose(clip())
  await files.expectStatus('clip.webm', 'Partial')
  const sheet = await files.show('clip.webm')
  await expect(sheet).toContainText('Some media facts are missing: ffprobe would have to read more than 64 MiB of the file.')
  await expect(sheet.locator('video')).toBeVisible()
  await expect(sheet.getByRole('row', { name: 'Kind' })).toContainText('WebM video')
})
