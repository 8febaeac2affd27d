import type { Locator } from '@playwright/test'
import type { FileDetail } from '../src/api/types.ts'
import { differences, isDone, merged, rebased } from '../src/changes.ts'
import { faultsInBoth } from './support/axe.ts'
import { text } from './support/media.ts'
import { type Files, expect, test } from './support/test.ts'

const WIDTHS = [320, 768, 1440]

async function sheetOf(files: Files, name: string, created: Record<string, unknown>): Promise<{ sheet: Locator; id: string }> {
  await files.api('/files', { name, size: 5, ...created })
  const { id } = await files.found(name)
  await files.open()
  await files.show(name)
  return { sheet: files.page.getByRole('dialog'), id } // its name follows the file's
}

async function stored(files: Files, id: string): Promise<FileDetail> {
  return (await (await files.api(`/files/${id}`)).json()) as FileDetail
}

async function expectNoSidewaysScrolling(files: Files): Promise<void> {
  for (const width of WIDTHS) {
    await files.page.setViewportSize({ width, height: 800 })
    const over = await files.page.getByRole('dialog').evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)
    expect(over, `${width.toString()} px`).toBeLessThanOrEqual(0)
  }
}

test('metadata is edited in place, by the keyboard alone', async ({ files }) => {
  const { page } = files
  const { sheet, id } = await sheetOf(files, 'take.mov', { metadata: { project: 'trailer', unused: 'x' } })
  await sheet.getByRole('button', { name: 'Edit metadata' }).focus()
  await page.keyboard.press('Enter')
  await expect(sheet.getByLabel('Name 1', { exact: true })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('<b>teaser</b>')
  await sheet.getByRole('button', { name: 'Remove unused' }).focus()
  await page.keyboard.press('Enter')
  await sheet.getByLabel('Name 2', { exact: true }).focus()
  await page.keyboard.type('director')
  await page.keyboard.press('Tab')
  await page.keyboard.type('جمال')
  expect(await faultsInBoth(page)).toEqual([])
  await expectNoSidewaysScrolling(files)
  await page.keyboard.press('Enter')
  await expect(sheet.getByRole('button', { name: 'Edit metadata' })).toBeFocused()
  await expect(sheet.getByRole('row', { name: 'project' })).toContainText('<b>teaser</b>')
  expect((await stored(files, id)).metadata).toEqual({ project: '<b>teaser</b>', director: 'جمال' })
  await page.keyboard.press('Enter')
  await expect(sheet.getByLabel('Name 1', { exact: true })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(sheet.getByLabel('Name 1', { exact: true })).toHaveCount(0)
  await expect(sheet).toBeVisible()
})

test('a stale edit shows what somebody else has changed, and keeps both', async ({ files }) => {
  const { page } = files
  const { sheet, id } = await sheetOf(files, 'take.mov', { metadata: { project: 'trailer', scene: '1' } })
  await sheet.getByRole('button', { name: 'Edit metadata' }).click()
  await sheet.getByLabel('Value 1', { exact: true }).fill('teaser')
  expect((await files.patch(`/files/${id}`, { name: 'take 2.mov', metadata: { project: 'trailer', scene: '7', camera: 'B' } })).status).toBe(200)
  await sheet.getByRole('button', { name: 'Save metadata' }).click()
  const note = sheet.getByRole('alert')
  await expect(note).toContainText('somebody has changed this file')
  await expect(note.getByRole('listitem')).toHaveText(['Name: take.mov → take 2.mov', 'scene: 1 → 7', 'camera: not there → B'])
  expect(await faultsInBoth(page)).toEqual([])
  await expectNoSidewaysScrolling(files)
  expect((await stored(files, id)).metadata).toEqual({ project: 'trailer', scene: '7', camera: 'B' })
  await note.getByRole('button', { name: 'Save mine, too' }).click()
  await expect(page.getByRole('dialog', { name: 'take 2.mov' }).getByRole('row', { name: 'project' })).toContainText('teaser')
  expect((await stored(files, id)).metadata).toEqual({ project: 'teaser', scene: '7', camera: 'B' })
})

test('a stale edit can be discarded for what somebody else has saved', async ({ files }) => {
  const { sheet, id } = await sheetOf(files, 'take.mov', { metadata: { scene: '1' } })
  await sheet.getByRole('button', { name: 'Edit metadata' }).click()
  await sheet.getByLabel('Value 1', { exact: true }).fill('2')
  await files.patch(`/files/${id}`, { metadata: { scene: '7' } })
  await sheet.getByRole('button', { name: 'Save metadata' }).click()
  await sheet.getByRole('button', { name: 'Discard my change' }).click()
  await expect(sheet.getByRole('row', { name: 'scene' })).toContainText('7')
  expect((await stored(files, id)).metadata).toEqual({ scene: '7' })
})

test('the end of a probe in between is no conflict', async ({ files }) => {
  const { page } = files
  await files.open()
  await files.choose(text('probed.txt', 'probed'))
  await files.expectStatus('probed.txt', 'No media')
  const sheet = await files.show('probed.txt')
  await sheet.getByRole('button', { name: 'Edit metadata' }).click()
  await sheet.getByLabel('Name 1', { exact: true }).fill('a')
  await sheet.getByLabel('Value 1', { exact: true }).fill('b')
  let stale = 1
  await page.route(/\/v1\/files\/[0-9a-f-]+$/, async (route) => {
    if (route.request().method() !== 'PATCH' || stale === 0) return route.continue()
    stale -= 1
    return route.continue({ headers: { ...route.request().headers(), 'if-match': '"v0"' } })
  })
  await sheet.getByRole('button', { name: 'Save metadata' }).click()
  await expect(sheet.getByRole('row', { name: 'a' }).first()).toContainText('b')
  expect(stale).toBe(0)
})

test('invalid metadata is shown before and after it is sent', async ({ files }) => {
  const { page } = files
  const { sheet } = await sheetOf(files, 'take.mov', { metadata: { scene: '1' } })
  await sheet.getByRole('button', { name: 'Edit metadata' }).click()
  await sheet.getByLabel('Name 2', { exact: true }).fill('scene')
  await expect(sheet.getByRole('alert')).toHaveText('“scene” is there twice.')
  await expect(sheet.getByRole('button', { name: 'Save metadata' })).toBeDisabled()
  await sheet.getByLabel('Name 2', { exact: true }).fill('other')
  await page.route(/\/v1\/files\/[0-9a-f-]+$/, (route) =>
    route.fulfill({ status: 422, headers: { 'access-control-allow-origin': '*' }, json: { message: 'metadata has more than 50 keys', reason: 'invalid_metadata' } }))
  await sheet.getByRole('button', { name: 'Save metadata' }).click()
  await expect(sheet.getByRole('alert')).toContainText('more than 50 keys')
  expect(await faultsInBoth(page)).toEqual([])
})

test('the expiry is set, extended and removed; a stale change shows the other one', async ({ files }) => {
  const { page } = files
  const { sheet, id } = await sheetOf(files, 'take.mov', {})
  const expiry = sheet.getByRole('region', { name: 'Expiry' })
  const choose = async (label: string): Promise<void> => {
    await expiry.getByRole('button', { name: 'Change expiry' }).click()
    await expiry.getByLabel('Delete it').selectOption(label)
  }
  const days = async (): Promise<number> => Math.round((Date.parse((await stored(files, id)).expires_at ?? '') - Date.now()) / 86_400_000)
  await expect(expiry).toContainText('Kept for good')
  await choose('7 days from now')
  expect(await faultsInBoth(page)).toEqual([])
  await expectNoSidewaysScrolling(files)
  await expiry.getByRole('button', { name: 'Save expiry' }).click()
  await expect(expiry).toContainText('Deleted on')
  expect(await days()).toBe(7)
  await choose('1 year from now')
  await expiry.getByRole('button', { name: 'Save expiry' }).click()
  await expect.poll(days).toBe(365)
  await choose('Never: keep it for good')
  await files.patch(`/files/${id}`, { expires_in: 86_400 })
  await expiry.getByRole('button', { name: 'Save expiry' }).click()
  await expect(expiry.getByRole('alert')).toContainText('Deleted on')
  await expiry.getByRole('button', { name: 'Save mine, too' }).click()
  await expect(expiry).toContainText('Kept for good')
  expect((await stored(files, id)).expires_at).toBeNull()
})

test('edits of different keys are merged, and an edit that is saved already is none', () => {
  const [before, theirs] = [{ a: '1', b: '2', c: '3' }, { a: '1', b: 'theirs', d: 'new' }]
  expect(merged(before, { a: 'mine', b: '2', c: '3' }, theirs)).toEqual({ a: 'mine', b: 'theirs', d: 'new' })
  expect(merged(before, { b: '2', c: '3' }, theirs)).toEqual({ b: 'theirs', d: 'new' })
  expect(merged({}, { constructor: 'x' }, {})).toEqual({ constructor: 'x' })
  const file = { name: 'a', metadata: theirs, expires_at: null }
  expect(rebased({ metadata: null }, { ...file, metadata: before }, file)).toEqual({ metadata: { d: 'new' } })
  expect(isDone({ metadata: { ...theirs } }, file)).toBe(true)
  expect(isDone({ metadata: { a: '1' } }, file)).toBe(false)
  expect(isDone({ expires_in: null }, file)).toBe(true)
  expect(isDone({ expires_in: 60 }, file)).toBe(false)
  expect(differences(file, { ...file, expires_at: '2030-01-01T00:00:00Z' })).toEqual([{ field: 'Deleted on', before: null, after: '2030-01-01T00:00:00Z' }])
})
