import { readFileSync } from 'node:fs'
import { faultsInBoth } from './support/axe.ts'
import { clip, picture, sound, text } from './support/media.ts'
import { givePosters } from './support/posters.ts'
import { Site } from './support/site.ts'
import { expect, test } from './support/test.ts'

test('the grid shows posters where there are any, else an icon, with the length; the choice is remembered', async ({ files }) => {
  const { page } = files
  const source = await Site.start({ '/poster.png': picture() })
  const asked = await givePosters(page, files.cloud.ready.api, `${source.origin}/poster.png`)
  await files.open()
  await files.choose(clip(), sound())
  await files.expectStatus('clip.webm', 'Ready')
  await files.expectStatus('sound.mp3', 'Ready')
  await page.getByRole('button', { name: 'Grid' }).click()
  const poster = files.row('clip.webm').locator('img')
  await expect.poll(() => poster.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(320)
  await expect(files.row('clip.webm').locator('.length')).toHaveText('0:10')
  await expect(files.row('sound.mp3').locator('img')).toHaveCount(0)
  await expect(files.row('sound.mp3').locator('.thumb svg')).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  await page.getByRole('button', { name: 'List', exact: true }).click()
  await expect(poster).toBeVisible()
  expect(asked).toHaveLength(1)
  await page.getByRole('button', { name: 'Grid' }).click()
  await page.reload()
  await expect(page.getByRole('button', { name: 'Grid' })).toHaveAttribute('aria-pressed', 'true')
  await expect(poster).toBeVisible()
  source.stop()
})

test('names are searched, and the files sorted, in what is loaded', async ({ files }) => {
  const { page } = files
  for (const [name, size] of [['Take 10.mov', 7], ['take 2.mov', 900], ['Other.mov', 30]] as const) await files.api('/files', { name, size })
  await files.open()
  const names = page.locator('li.file .name')
  await expect(names).toHaveText(['Other.mov', 'take 2.mov', 'Take 10.mov'])
  await page.getByLabel('Order').selectOption('By name')
  await expect(names).toHaveText(['Other.mov', 'take 2.mov', 'Take 10.mov'])
  await page.getByLabel('Order').selectOption('Largest first')
  await expect(names).toHaveText(['take 2.mov', 'Other.mov', 'Take 10.mov'])
  await page.getByLabel('Search names').fill('TAKE mov')
  await expect(names).toHaveText(['take 2.mov', 'Take 10.mov'])
  await page.getByLabel('Search names').fill('missing')
  await expect(page.getByRole('heading', { name: 'No name contains “missing”' })).toBeVisible()
  expect(await faultsInBoth(page)).toEqual([])
  await page.getByRole('button', { name: 'Clear the search' }).click()
  await expect(names).toHaveCount(3)
})

test('a search says what it covers', async ({ files }) => {
  const { page } = files
  await files.announce(49)
  await files.open()
  await page.getByLabel('Search names').fill('waiting 2')
  await expect(page.getByText('Search and order cover the 48 files of this page.')).toBeVisible()
})

test('files are selected by click, Shift and keyboard, listed, copied and deleted together', async ({ files, context }) => {
  const { page } = files
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await files.announce(6)
  await files.open()
  const bulk = page.getByRole('group', { name: 'Selected files' })
  const check = (number: number): ReturnType<typeof page.locator> => files.row(`waiting ${number.toString()}.mov`).getByRole('checkbox')
  await check(6).click()
  await check(4).click({ modifiers: ['Shift'] })
  await expect(bulk).toContainText('3 selected')
  const checked = (): Promise<number[]> => page.locator('li.file input').evaluateAll((boxes) => boxes.flatMap((box, index) => ((box as HTMLInputElement).checked ? [6 - index] : [])))
  await expect.poll(checked).toEqual([6, 5, 4])
  await check(5).click()
  await expect(bulk).toContainText('2 selected')
  await expect.poll(checked).toEqual([6, 4])
  await check(6).click({ modifiers: ['Shift'] }) // it stays selected, and its box checked
  await expect.poll(checked).toEqual([6, 5, 4])
  await check(5).click()
  await expect.poll(checked).toEqual([6, 4])
  await files.row('waiting 2.mov').locator('.file-open').click({ modifiers: ['ControlOrMeta'] })
  await expect(bulk).toContainText('3 selected')
  await expect(page.getByRole('dialog')).toHaveCount(0)

  await bulk.getByRole('button', { name: 'Copy references' }).click()
  await expect(bulk).toContainText('Copied')
  const ids = await page.locator('li.file.selected').evaluateAll((items) => items.map((item) => `fm_id://${(item as HTMLElement).dataset.id ?? ''}`))
  expect(ids).toHaveLength(3)
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(ids.join('\n'))
  const download = page.waitForEvent('download')
  await bulk.getByRole('button', { name: 'Download list' }).click()
  const table = readFileSync(await (await download).path(), 'utf8').trim().split('\r\n')
  expect(table).toHaveLength(4)
  expect(table[0]).toMatch(/^id,name,status,size,/)
  expect(table[1]).toContain('waiting 6.mov,pending,5,')

  // The keyboard alone.
  await page.keyboard.press('Escape')
  await files.row('waiting 5.mov').locator('.file-open').focus()
  await page.keyboard.press('Control+a')
  await expect(bulk).toContainText('6 selected')
  await page.keyboard.press('Escape')
  await expect(bulk).toHaveCount(0)
  await page.keyboard.press('Shift+ArrowDown')
  await page.keyboard.press('Shift+ArrowDown')
  await expect(bulk).toContainText('3 selected')
  await expect(files.row('waiting 3.mov').locator('.file-open')).toBeFocused()
  let refused = 1
  await page.route(/\/v1\/files\/delete$/, async (route) => {
    const { ids } = route.request().postDataJSON() as { ids: string[] }
    if (refused === 0) return route.continue()
    refused -= 1
    const response = await route.fetch({ postData: { ids: ids.slice(1) } })
    const { results } = (await response.json()) as { results: unknown[] }
    const error = { message: 'The file is busy', reason: 'too_busy' }
    return route.fulfill({ response, json: { results: [{ id: ids[0], status: 503, error }, ...results] } })
  })
  await page.keyboard.press('Delete')
  const question = page.getByRole('dialog', { name: 'Delete files' })
  await expect(question).toContainText('Delete 3 files?')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(question.getByRole('alert')).toContainText('The file is busy')
  await expect(question).toContainText('Delete 1 file?')
  expect(await faultsInBoth(page)).toEqual([])
  await question.getByRole('button', { name: 'Try again' }).click()
  await expect(page.locator('.toast')).toContainText('Deleted 3 files')
  await expect(page.locator('li.file .name')).toHaveText(['waiting 6.mov', 'waiting 2.mov', 'waiting 1.mov'])
  expect(refused).toBe(0)
})

test('names in the list of files are no formulas to a spreadsheet', async ({ files }) => {
  const { page } = files
  await files.api('/files', { name: '=cmd("a").mov', size: 5 })
  await files.open()
  await page.getByLabel('Select =cmd("a").mov').click()
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download list' }).click()
  expect(readFileSync(await (await download).path(), 'utf8')).toContain(`,"'=cmd(""a"").mov",`)
  await files.choose(text('other.txt', 'x'))
  await expect(files.row('other.txt')).toBeVisible()
  await expect(page.getByText('1 selected')).toBeVisible()
})

test('an unavailable poster leaves the icon', async ({ files }) => {
  const { page } = files
  const source = await Site.start()
  await givePosters(page, files.cloud.ready.api, `${source.origin}/missing.png`)
  await files.api('/files', { name: 'waiting.mov', size: 5, content_type: 'video/quicktime' })
  const broken = page.waitForResponse(/missing\.png/)
  await files.open()
  await broken
  await expect(files.row('waiting.mov').locator('.thumb svg')).toBeVisible()
  await expect(files.row('waiting.mov').locator('img')).toHaveCount(0)
  source.stop()
})

test('many files are deleted with one request', async ({ files }) => {
  const { page } = files
  await files.announce(12)
  await files.open()
  await page.getByLabel('Select waiting 12.mov').click()
  await page.getByRole('button', { name: 'Select all 12' }).click()
  const asked: string[] = []
  page.on('request', (request) => { if (/\/files\/\w/.test(request.url()) && request.method() !== 'OPTIONS') asked.push(`${request.method()} ${request.url()}`) })
  await page.getByRole('group', { name: 'Selected files' }).getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing here yet' })).toBeVisible()
  expect(asked).toEqual([`POST ${files.cloud.ready.api}/files/delete`])
})
