import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'
import { clip } from './support/media.ts'
import { expect, test } from './support/test.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong: names, roles, contrast. Uppy's own panel is Uppy's. */
async function faults(page: Page): Promise<string[]> {
  return page.evaluate(`${AXE}; axe.run({ exclude: ['.uppy-Root'] }, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`)
}

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
    await files.row('clip.webm').getByRole('button').first().click()
    await expect(page.getByRole('row', { name: 'Video codec' })).toBeVisible()
    expect(await faults(page)).toEqual([])
  })
}

test('the keyboard alone opens, closes, asks and deletes', async ({ files }) => {
  const { page } = files
  await files.api('/files', { name: 'first.mov', size: 5 })
  await files.open()
  const row = files.row('first.mov').getByRole('button').first()
  await expect(row).toBeVisible()
  await page.getByLabel('Order').focus()
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
