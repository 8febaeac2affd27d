import { faultsInBoth } from './support/axe.ts'
import { MB, large } from './support/media.ts'
import { Puts, parts } from './support/puts.ts'
import { aged } from './support/sigv4.ts'
import { expect, test } from './support/test.ts'

const SIZE = 33 * MB
const PART = 8 * MB
const ALLOWED = { 'access-control-allow-origin': '*' }

test('33 MB go in parts, although one part fails twice and signing fails at first', async ({ files }) => {
  const { page } = files
  const path = large('failing.webm', SIZE)
  const puts = new Puts(page)
  const failures = [503, 0]
  await page.route(parts(3), async (route) => {
    const status = route.request().method() === 'PUT' ? failures.shift() : undefined
    if (status === undefined) await route.continue()
    else if (status === 0) await route.abort('connectionreset')
    else await route.fulfill({ status, headers: ALLOWED })
  })
  let refusals = 2
  await page.route(/\/parts$/, async (route) => {
    const refused = route.request().method() === 'POST' && refusals > 0
    if (refused) refusals -= 1
    await (refused ? route.fulfill({ status: 503, headers: ALLOWED }) : route.continue())
  })
  await files.open()
  await files.choose(path)
  await expect(page.getByText(/of 5 parts/)).toBeVisible()
  await files.expectStatus('failing.webm', 'Ready')
  expect(refusals).toBe(0)
  expect(puts.of(3)).toEqual([503, 0, 200])
  expect(puts.stored()).toEqual([1, 2, 3, 4, 5])
  expect(await files.hashOfStored('failing.webm')).toBe(files.hashOf(path))
  await expect(page.getByText(/of 5 parts/)).toBeHidden()
})

test('after a reload in the middle only the missing parts are sent', async ({ files }) => {
  const { page } = files
  const path = large('interrupted.webm', SIZE)
  const missing = parts(4, 5)
  await page.route(missing, () => undefined) // no response, and never sent
  await files.open()
  await files.choose(path)
  const { id } = await files.found('interrupted.webm')
  await expect.poll(() => files.storedParts(id)).toEqual([1, 2, 3])

  await page.reload()
  await page.unroute(missing) // not before the reload: unroute continues the requests that wait
  const puts = new Puts(page)
  await expect(page.getByRole('heading', { name: 'Interrupted' })).toBeVisible()
  await page.getByLabel('Choose interrupted.webm again').setInputFiles(path)
  await files.expectStatus('interrupted.webm', 'Ready')
  expect(puts.all.map(({ part }) => part).sort()).toEqual([4, 5])
  expect(puts.stored()).toEqual([4, 5])
  await expect(page.locator('li.file')).toHaveCount(1)
  expect(await files.hashOfStored('interrupted.webm')).toBe(files.hashOf(path))
  await page.reload()
  await expect(files.row('interrupted.webm')).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Interrupted' })).toBeHidden()
})

test('a URL that has expired is replaced by a fresh one', async ({ files }) => {
  const { page } = files
  const path = large('expired.webm', SIZE)
  const puts = new Puts(page)
  let signed = 0
  await page.route(/\/parts$/, async (route) => {
    const response = await route.fetch()
    const body = (await response.json()) as { parts: { part_number: number; url: string }[] }
    const second = body.parts.find((part) => part.part_number === 2)
    if (route.request().method() === 'POST' && second !== undefined) {
      signed += 1
      if (signed === 1) second.url = aged(second.url, PART, files.cloud.ready)
    }
    await route.fulfill({ response, json: body })
  })
  await files.open()
  await files.choose(path)
  await files.expectStatus('expired.webm', 'Ready')
  expect(puts.of(2)).toEqual([403, 200])
  expect(signed).toBe(2)
  expect(puts.stored()).toEqual([1, 2, 3, 4, 5])
})

test('a paused upload sends nothing, and resumes with the missing parts', async ({ files }) => {
  const { page } = files
  const path = large('paused.webm', SIZE)
  const held = parts(3, 4, 5)
  await page.route(held, () => undefined)
  await files.open()
  await files.choose(path)
  const { id } = await files.found('paused.webm')
  await expect.poll(() => files.storedParts(id)).toEqual([1, 2])
  await expect(files.uploads).toContainText('2 of 5 parts')
  await files.uploads.getByRole('button', { name: 'Pause', exact: true }).click()
  await expect(files.uploads).toContainText('Paused: 0 of 1 file done')
  await expect(files.uploads).toContainText('16.0 MB of 33.0 MB · 2 of 5 parts · paused')
  expect(await faultsInBoth(page)).toEqual([])
  await page.unroute(held)
  const puts = new Puts(page)
  await files.uploads.getByRole('button', { name: 'Resume', exact: true }).click()
  await files.expectStatus('paused.webm', 'Ready')
  expect(puts.stored()).toEqual([3, 4, 5])
})

test('a refusal of the storage shows its message, and Retry sends only the missing parts', async ({ files }) => {
  const { page } = files
  const path = large('refused.webm', SIZE)
  const puts = new Puts(page)
  const refused = parts(4)
  const body = '<Error><Code>MethodNotAllowed</Code><Message>The moon is in the way</Message></Error>'
  await page.route(refused, (route) => route.fulfill({ status: 405, headers: ALLOWED, contentType: 'application/xml', body }))
  await files.open()
  await files.choose(path)
  const row = files.uploads.getByRole('listitem').filter({ hasText: 'refused.webm' })
  await expect(files.uploads).toContainText('0 of 1 file uploaded, 1 failed')
  await expect(row.getByRole('alert')).toHaveText('The moon is in the way')
  await expect(page.getByText('The moon is in the way')).toHaveCount(1)
  const before = puts.stored()
  await page.unroute(refused)
  const again = new Puts(page)
  await row.getByRole('button', { name: 'Retry refused.webm' }).click()
  await files.expectStatus('refused.webm', 'Ready')
  expect(again.stored()).toContain(4)
  expect(again.stored().filter((part) => before.includes(part))).toEqual([])
  await expect(row).toHaveCount(0)
  await expect(files.uploads).toContainText('1 file uploaded')
  expect(await files.hashOfStored('refused.webm')).toBe(files.hashOf(path))
})

test('a cancelled upload is deleted, with the parts that are stored', async ({ files }) => {
  const { page } = files
  await page.route(parts(5), () => undefined)
  await files.open()
  await files.choose(large('cancelled.webm', SIZE))
  const { id } = await files.found('cancelled.webm')
  await expect.poll(() => files.storedParts(id)).toEqual([1, 2, 3, 4])
  await files.expectStatus('cancelled.webm', 'Pending')
  await files.uploads.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect(files.row('cancelled.webm')).toHaveCount(0)
  await expect.poll(async () => (await files.api(`/files/${id}`)).status).toBe(404)
  await expect(page.getByText(/of 5 parts/)).toBeHidden()
})

test('a PUT whose response is lost is not sent twice into another file', async ({ files }) => {
  const { page } = files
  let lost = 0
  await page.route(
    (url) => url.searchParams.get('x-id') === 'PutObject',
    async (route) => {
      if (route.request().method() !== 'PUT' || lost > 0) return route.continue()
      lost += 1
      await route.fetch()
      return route.abort('connectionreset')
    },
  )
  await files.open()
  await files.choose(large('lost.webm', MB))
  await files.expectStatus('lost.webm', 'Ready')
  expect(lost).toBe(1)
  await expect(files.uploads).toContainText('1 file uploaded')
  await expect(page.locator('li.file')).toHaveCount(1)
})
