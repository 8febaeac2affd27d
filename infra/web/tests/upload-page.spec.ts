import type { Page } from '@playwright/test'
import { faultsInBoth } from './support/axe.ts'
import { MB, clip, large, text } from './support/media.ts'
import { Puts, parts } from './support/puts.ts'
import { expect, test } from './support/test.ts'
import { choose, embedding, hosted, newToken } from './support/upload-page.ts'

const ALLOWED = { 'access-control-allow-origin': '*' }
const whole = (url: URL): boolean => url.searchParams.get('x-id') === 'PutObject'

/** Every address and every `Referer` that the page sends. */
function addresses(page: Page): string[] {
  const seen: string[] = []
  page.on('request', (request) => { seen.push(request.url(), request.headers().referer ?? ''); })
  return seen
}

async function names(files: { api: (path: string) => Promise<Response> }): Promise<string[]> {
  const page = (await (await files.api('/files')).json()) as { files: { name: string }[] }
  return page.files.map(({ name }) => name).sort()
}

test('the snippet of the documentation embeds the page in another origin, with a token by message', async ({ files, cloud }, info) => {
  const { page } = files
  const { token } = await newToken(files, { metadata: { shop: '7' } })
  const site = await embedding(info, page, `${cloud.origin}/upload.html`, [token])
  const logged: string[] = []
  page.on('console', (message) => { logged.push(message.text()); })
  const seen = addresses(page)
  await page.goto(`${site.origin}/shop`)
  const frame = page.frameLocator('iframe')
  const path = large('embedded.webm', 33 * MB)
  const puts = new Puts(page)
  await choose(frame, clip(), path)
  await expect(frame.getByText('2 files arrived. Thank you.')).toBeVisible()
  expect(puts.stored()).toEqual([0, 1, 2, 3, 4, 5])
  expect(await files.hashOfStored('embedded.webm')).toBe(files.hashOf(path))
  const { id } = await files.found('embedded.webm')
  await expect.poll(() => logged).toContain(`${id} embedded.webm ${(33 * MB).toString()}`)
  const { metadata } = (await (await files.api(`/files/${id}`)).json()) as { metadata: unknown }
  expect(metadata).toEqual({ shop: '7' })
  expect(seen.filter((address) => address.includes('fmu_'))).toEqual([])
  expect(await faultsInBoth(page)).toEqual([])
  site.stop()
})

test('when the token has ended, the embedding page passes another one, and the upload resumes', async ({ files, cloud }, info) => {
  const { page } = files
  const [first, second] = [await newToken(files), await newToken(files)]
  const site = await embedding(info, page, `${cloud.origin}/upload.html`, [first.token, second.token])
  await page.goto(`${site.origin}/shop`)
  const frame = page.frameLocator('iframe')
  await expect(frame.getByLabel('Choose files')).toBeAttached()
  await files.remove(`/upload-tokens/${first.id}`)
  await choose(frame, clip())
  await expect(frame.getByText('1 file arrived. Thank you.')).toBeVisible()
  expect(await names(files)).toEqual(['clip.webm'])
  site.stop()
})

test('a link with the token in its fragment: after a reload only the missing parts are sent', async ({ files, cloud }) => {
  const { page } = files
  const { token } = await newToken(files, { max_files: 1 })
  const seen = addresses(page)
  const path = large('cut.webm', 33 * MB)
  await page.route(parts(4, 5), () => undefined) // no response, and never sent
  await page.goto(`${cloud.origin}/upload.html#token=${token}`)
  await choose(page, path)
  const { id } = await files.found('cut.webm')
  await expect.poll(() => files.storedParts(id)).toEqual([1, 2, 3])
  expect(new URL(page.url()).hash).toBe('')
  await page.reload()
  await page.unroute(parts(4, 5))
  await page.unrouteAll()
  await expect(page.getByText('Not finished yet.')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  const puts = new Puts(page)
  await choose(page, path)
  await expect(page.getByText('1 file arrived. Thank you.')).toBeVisible()
  expect(puts.stored()).toEqual([4, 5])
  expect(await files.hashOfStored('cut.webm')).toBe(files.hashOf(path))
  await expect(page.getByText('Not finished yet.')).toBeHidden()
  expect(seen.filter((address) => address.includes('fmu_') && !address.endsWith(`#token=${token}`))).toEqual([])
})

test('a small file that a reload cut short does not count twice', async ({ files, cloud }) => {
  const { page } = files
  const { token } = await newToken(files, { max_files: 1 })
  await page.route(whole, () => undefined)
  await page.goto(`${cloud.origin}/upload.html#token=${token}`)
  await choose(page, clip())
  const { id } = await files.found('clip.webm')
  await page.reload()
  await page.unrouteAll()
  await expect(page.getByText('Not finished yet.')).toBeVisible()
  await choose(page, clip())
  await expect(page.getByText('1 file arrived. Thank you.')).toBeVisible()
  expect((await files.found('clip.webm')).id).toBe(id)
  expect(await files.hashOfStored('clip.webm')).toBe(files.hashOf(clip()))
})

test('every refusal has a message for customers', async ({ files, cloud }) => {
  const { page } = files
  const { token, id } = await newToken(files, { max_files: 1, max_size: 2 * MB, content_types: ['video/*', 'text/plain'] })
  const row = (name: string): ReturnType<Page['locator']> => page.getByRole('listitem').filter({ hasText: name })
  await page.goto(`${cloud.origin}/upload.html#token=${token}`)
  await choose(page, large('long.webm', 3 * MB))
  await expect(row('long.webm').getByRole('alert')).toHaveText('This file is too large: at most 2.0 MB are accepted.')
  await choose(page, text('paper.pdf', 'no video'))
  await expect(row('paper.pdf').getByRole('alert')).toHaveText('Files of this kind are not accepted here.')
  await page.route(/\/v1\/files$/, (route) => route.fulfill({ status: 503, headers: ALLOWED, json: { message: 'Try later' } }))
  await choose(page, text('busy.txt', 'busy'))
  await expect(row('busy.txt').getByRole('alert')).toContainText('The service has a problem at the moment.')
  await page.unrouteAll()
  await row('busy.txt').getByRole('button', { name: 'Try busy.txt again' }).click()
  await expect(page.getByText('1 file arrived. Thank you. 2 files not uploaded.')).toBeVisible()
  await choose(page, clip())
  await expect(row('clip.webm').getByRole('alert')).toContainText('No more files are accepted here')
  await expect(row('clip.webm').getByRole('button', { name: 'Try clip.webm again' })).toHaveCount(0)
  expect(await faultsInBoth(page)).toEqual([])
  await row('paper.pdf').getByRole('button', { name: 'Remove paper.pdf' }).click()
  await expect(row('paper.pdf')).toHaveCount(0)
  await files.remove(`/upload-tokens/${id}`)
  await choose(page, text('late.txt', 'late'))
  await expect(page.getByRole('alert').first()).toContainText('This upload page has expired.')
  await expect(page.getByLabel('Choose files')).toHaveCount(0)
  expect(await faultsInBoth(page)).toEqual([])
})

test('a refusal of the storage can be retried', async ({ files, cloud }) => {
  const { page } = files
  const { token } = await newToken(files, { max_files: 1 })
  await page.route(whole, (route) => route.fulfill({ status: 405, headers: ALLOWED, body: '<Message>No more room</Message>' }))
  await page.goto(`${cloud.origin}/upload.html#token=${token}`)
  await choose(page, clip())
  await expect(page.getByRole('alert')).toHaveText('No more room')
  await page.unrouteAll()
  await page.getByRole('button', { name: 'Try clip.webm again' }).click()
  await expect(page.getByText('1 file arrived. Thank you.')).toBeVisible()
})

test('without a token, with half of one and with an API key the page says what is wrong', async ({ files, cloud, key }) => {
  const { page } = files
  const uploadPage = `${cloud.origin}/upload.html`
  await page.goto(uploadPage)
  await expect(page.getByText('This page needs the link that you were sent')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  await page.goto(`${uploadPage}#token=fmu_12%20`)
  await expect(page.getByRole('alert')).toContainText('incomplete')
  await page.goto(`${uploadPage}#token=${key}`)
  await expect(page.getByRole('alert')).toContainText('This is an API key')
  expect(new URL(page.url()).hash).toBe('')
  await page.reload()
  await expect(page.getByText('This page needs the link that you were sent')).toBeVisible()
})

test('it is one static file for a host of its own, whose API is elsewhere; the keyboard alone works', async ({ files, cloud }, info) => {
  const { page } = files
  const { token } = await newToken(files)
  const site = await hosted(info, cloud.ready.api)
  page.on('filechooser', (chooser) => void chooser.setFiles(clip()))
  await page.goto(`${site.origin}/upload.html#token=${token}`)
  await expect(page.getByLabel('Choose files')).toBeAttached()
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('Choose files')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByText('1 file arrived. Thank you.')).toBeVisible()
  expect(await names(files)).toEqual(['clip.webm'])
  site.stop()
})

test('three variables brand the page; text stays readable on every colour, and no width scrolls sideways', async ({ files, cloud }) => {
  const { page } = files
  const { token } = await newToken(files, { max_size: MB })
  for (const [accent, background] of [['#ffd400', '#0a2342'], ['#0b6e4f', '#fff8e7'], ['rebeccapurple', 'hotpink']]) {
    const brand = new URLSearchParams({ token, accent: accent ?? '', background: background ?? '', radius: '0' })
    await page.goto('about:blank')
    await page.goto(`${cloud.origin}/upload.html#${brand.toString()}`)
    await choose(page, large('too large for this.webm', 2 * MB), text('note.txt', 'x'))
    await expect(page.getByRole('alert')).toBeVisible()
    await expect(page.getByText('1 file arrived.')).toBeVisible()
    expect(await faultsInBoth(page)).toEqual([])
    const button = page.locator('.button.primary')
    const [shown, expected] = await button.evaluate((element, color) => {
      const probe = document.createElement('i')
      probe.style.color = color
      document.body.append(probe)
      return [getComputedStyle(element).backgroundColor, getComputedStyle(probe).color]
    }, accent ?? '')
    expect(shown).toBe(expected)
    await expect(button).toHaveCSS('border-radius', '0px')
    for (const width of [320, 768, 1440]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    }
  }
})
