import { faultsInBoth } from './support/axe.ts'
import { picture, text } from './support/media.ts'
import { expect, test } from './support/test.ts'

test.use({ viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true })

test('on a phone the first file is seen without scrolling, and nothing is wider than the screen', async ({ files }) => {
  const { page } = files
  await files.api('/files', { name: 'first.mov', size: 5 })
  await files.open()
  await expect(files.row('first.mov')).toBeVisible()
  await expect(files.row('first.mov').locator('.name')).toBeInViewport({ ratio: 1 })
  await expect(page.getByText('Choose files')).toBeInViewport()
  await expect(page.getByText('Drop or paste')).toBeHidden()
  await expect(page.getByText('Choose a folder')).toBeHidden()
  await page.getByRole('button', { name: 'Filters' }).tap()
  await page.getByLabel('Status').selectOption('Pending')
  await expect(page.getByRole('button', { name: 'Filters (1)' })).toBeVisible()
  await page.getByRole('button', { name: 'Grid' }).tap()
  await files.row('first.mov').getByRole('checkbox').tap()
  await expect(page.getByText('1 selected')).toBeVisible()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
  expect(await faultsInBoth(page)).toEqual([])
})

test('a name from right to left begins beside its icon', async ({ files }) => {
  const { page } = files
  const name = 'عطلة.png'
  await files.open()
  await files.choose(picture(name), text('short.txt', 'x'))
  await expect(files.row(name)).toBeVisible()
  for (const view of ['List', 'Grid']) {
    await page.getByRole('button', { name: view, exact: true }).tap()
    const left = await files.row(name).locator('.name bdi').evaluate((text) => text.getBoundingClientRect().left - (text.closest('.grow')?.getBoundingClientRect().left ?? 0))
    expect(Math.abs(left)).toBeLessThan(2)
  }
})

test('at the first visit the key can be typed at once', async ({ page, cloud }) => {
  await page.goto(`${cloud.origin}/`)
  await expect(page.getByLabel('API key')).toBeFocused()
})
