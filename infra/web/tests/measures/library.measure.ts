import type { Page } from '@playwright/test'
import type { FileSummary } from '../../src/api/types.ts'
import { type Files, expect, test } from '../support/test.ts'

/** Budget of the first paint, in milliseconds. */
const FIRST_PAINT = 1_000

const ROUNDS = 9
const FRAMES = 300

/** Pixels per frame: 3,600 in a second of 60 frames. */
const STEP = 60

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

function row(name: string, values: readonly number[]): string {
  return `| ${name} | ${[0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(1)).join(' | ')} |`
}

/** Prints a line of a table. */
function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Stores so many small files by forms, and waits until they are probed. */
async function store(files: Files, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `file ${index.toString().padStart(4, '0')}.txt`)
  const worker = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) expect((await files.form(name, 'x')).status).toBe(201)
  }
  await Promise.all([worker(), worker(), worker(), worker()])
  const open = async (): Promise<number> => {
    const page = (await (await files.api('/files?status=running&limit=1')).json()) as { files: unknown[] }
    return page.files.length
  }
  await expect.poll(open).toBe(0)
}

/** Lets the API return so many files on one page, copies of one that is stored. */
async function pretend(page: Page, count: number): Promise<void> {
  await page.route(/\/v1\/files\?/, async (route) => {
    const response = await route.fetch()
    const { files } = (await response.json()) as { files: FileSummary[] }
    const [model] = files
    const copies = Array.from({ length: count }, (_, index) => ({ ...model, id: `01999999-0000-7000-8000-${index.toString(16).padStart(12, '0')}`, name: `file ${index.toString()}.txt` }))
    await route.fulfill({ response, json: { files: copies, next_cursor: null } })
  })
}

/** The times between frames while the page scrolls, in milliseconds. */
async function scroll(page: Page): Promise<number[]> {
  return page.evaluate(({ frames, step }) => new Promise<number[]>((done) => {
    const times: number[] = []
    let before = 0
    const frame = (now: number): void => {
      if (before > 0) times.push(now - before)
      before = now
      scrollBy(0, step)
      if (times.length < frames) requestAnimationFrame(frame)
      else done(times)
    }
    scrollTo(0, 0)
    requestAnimationFrame(frame)
  }), { frames: FRAMES, step: STEP })
}

/** From a click until the frame after its change is painted, in milliseconds. */
async function selectOne(page: Page): Promise<number> {
  return page.evaluate(() => new Promise<number>((done) => {
    const began = performance.now()
    document.querySelector<HTMLInputElement>('li.file input')?.click()
    requestAnimationFrame(() => { setTimeout(() => { done(performance.now() - began); }, 0) })
  }))
}

test('first paint with 200 files', async ({ files }) => {
  test.setTimeout(600_000)
  const { page } = files
  await store(files, 200)
  await files.open()
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.addInitScript(() => {
      const look = (): void => {
        if (document.querySelector('li.file') === null) requestAnimationFrame(look)
        else requestAnimationFrame(() => { setTimeout(() => { Object.assign(window, { painted: performance.now() }) }, 0) })
      }
      requestAnimationFrame(look)
    })
    await page.reload()
    await page.waitForFunction(() => 'painted' in window)
    times.push(await page.evaluate(() => (window as unknown as { painted: number }).painted))
  }
  say('\n| from the navigation to | median, ms | 95th percentile, ms | longest, ms |\n| --- | ---: | ---: | ---: |')
  say(row('the painted library, 200 files', times))
  expect(quantile(times, 0.5)).toBeLessThan(FIRST_PAINT)
})

for (const view of ['List', 'Grid']) {
  test(`scrolling: ${view}`, async ({ files }) => {
    test.setTimeout(600_000)
    const { page } = files
    await files.form('file.txt', 'x')
    await page.setViewportSize({ width: 1440, height: 900 })
    say(`\n| ${view.toLowerCase()} | median, ms | 95th percentile, ms | longest, ms |\n| --- | ---: | ---: | ---: |`)
    for (const count of [48, 500, 5_000]) {
      await pretend(page, count)
      await (count === 48 ? files.open() : page.reload())
      await page.getByRole('button', { name: view, exact: true }).click()
      await expect(page.locator('li.file')).toHaveCount(count)
      await page.evaluate(() => new Promise((idle) => { requestIdleCallback(idle); }))
      say(row(`frame while ${count.toLocaleString('en')} files scroll`, await scroll(page)))
      const clicks: number[] = []
      for (let round = 0; round < ROUNDS; round += 1) clicks.push(await selectOne(page))
      say(row(`selecting one of ${count.toLocaleString('en')}`, clicks))
      await page.unrouteAll({ behavior: 'ignoreErrors' })
    }
  })
}

test('an empty page paints frames without the library, for comparison', async ({ page }) => {
  await page.setContent('<div style="height: 50000px; background: linear-gradient(red, blue)"></div>')
  say('\n| for comparison | median, ms | 95th percentile, ms | longest, ms |\n| --- | ---: | ---: | ---: |')
  say(row('frame of an empty page that scrolls', await scroll(page)))
})
