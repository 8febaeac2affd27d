import { faultsInBoth } from './support/axe.ts'
import { clip } from './support/media.ts'
import { Site } from './support/site.ts'
import { expect, test } from './support/test.ts'

test('a URL is imported; a refusal shows the server’s message', async ({ files }) => {
  const { page } = files
  const source = await Site.start({ '/some/clip.webm': clip() })
  const field = page.getByLabel('Import from URLs')
  await files.open()
  await field.fill('not a url')
  await field.press('Enter')
  await expect(page.getByRole('alert')).toContainText('Invalid URL')

  await field.fill(`${source.origin}/some/clip.webm`)
  await field.press('Enter')
  await expect(page.locator('.toast')).toContainText('Importing clip.webm')
  await expect(page.getByRole('alert')).toHaveCount(0)
  await files.expectStatus('clip.webm', 'Ready')
  await files.show('clip.webm')
  await expect(page.getByRole('row', { name: 'Source' })).toContainText(`${source.origin}/some/clip.webm`)
  await page.keyboard.press('Escape')

  await field.fill(`${source.origin}/missing.webm`)
  await field.press('Enter')
  await files.expectStatus('missing.webm', 'Failed')
  const { error } = await files.found('missing.webm')
  expect(error).not.toBeNull()
  await expect(files.row('missing.webm')).toContainText(error ?? '')
  source.stop()
})

test('a URL has a preview before it is imported', async ({ files }) => {
  const { page } = files
  const source = await Site.start({ '/some/clip.webm': clip() })
  const field = page.getByLabel('Import from URLs')
  const look = page.getByRole('button', { name: 'Preview' })
  await files.open()
  await expect(look).toBeDisabled()
  await field.fill(`${source.origin}/missing.webm`)
  await look.click()
  await expect(page.getByRole('alert')).toContainText('the source responded 404')

  await field.fill(`${source.origin}/some/clip.webm`)
  await look.click()
  const preview = page.getByRole('region', { name: 'Preview' })
  await expect(preview).toContainText('clip.webm')
  await expect(preview.getByRole('row', { name: 'Type' })).toContainText('video/webm')
  expect(await faultsInBoth(page)).toEqual([])
  await expect(page.getByRole('alert')).toHaveCount(0)
  await expect(files.row('clip.webm')).toHaveCount(0)

  await field.fill(`${source.origin}/some/clip.webm?other`)
  await expect(preview).toHaveCount(0)
  await field.press('Enter')
  await files.expectStatus('clip.webm', 'Ready')
  source.stop()
})
