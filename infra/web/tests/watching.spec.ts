import { AT_ONCE, Watcher } from '../src/api/watcher.ts'
import type { FileDetail } from '../src/api/types.ts'
import { clip, text } from './support/media.ts'
import { expect, test } from './support/test.ts'

const file = (id: string, change: Partial<FileDetail> = {}): FileDetail =>
  ({ id, name: id, source: 'upload', status: 'pending', updated_at: new Date().toISOString(), ...change }) as FileDetail

const seen = (): Promise<void> => Promise.resolve()
const ignored = { onFile: () => undefined, onGone: () => undefined }

/** An API whose waiting requests the test responds to. */
class Held {
  readonly waiting: { id: string; wait: number; respond: (file: FileDetail) => void }[] = []
  most = 0

  get = (id: string, { wait = 0 }: { wait?: number } = {}): Promise<FileDetail> =>
    new Promise((respond) => {
      const request = { id, wait, respond: (found: FileDetail) => {
        this.waiting.splice(this.waiting.indexOf(request), 1)
        respond(found)
      } }
      this.waiting.push(request)
      this.most = Math.max(this.most, this.waiting.length)
    })
}

test('a bounded number of requests waits, and every file has its turn', async () => {
  const api = new Held()
  const done: string[] = []
  const watcher = new Watcher(api, { ...ignored, onFile: ({ id }) => done.push(id) }, seen)
  const names = Array.from({ length: 10 }, (_, index) => `file ${index.toString()}`)
  watcher.watch(names.map((name) => file(name)))
  for (const name of names) {
    await expect.poll(() => api.waiting.length).toBeGreaterThan(0)
    const [request] = api.waiting
    // Short while others wait for their turn.
    expect(request?.wait).toBe(name === names.at(-1) ? 20 : 2)
    request?.respond(file(request.id, { status: 'success' }))
  }
  await expect.poll(() => done).toEqual(names)
  expect(api.most).toBe(AT_ONCE)
  watcher.stop()
})

test('responses that come early are followed by pauses and by fewer requests', async () => {
  const asked: number[] = []
  const began = performance.now()
  const get = (id: string): Promise<FileDetail> => {
    asked.push(performance.now() - began)
    return Promise.resolve(file(id))
  }
  const watcher = new Watcher({ get }, ignored, seen)
  watcher.watch(['a', 'b', 'c', 'd'].map((name) => file(name)))
  await expect.poll(() => performance.now() - began, { timeout: 20_000 }).toBeGreaterThan(12_000)
  watcher.stop()
  expect(asked.filter((at) => at < 1_000).length).toBeLessThanOrEqual(AT_ONCE)
  expect(asked.length).toBeGreaterThan(AT_ONCE)
  expect(asked.length).toBeLessThan(AT_ONCE + 8)
})

test('a hidden tab sends no request; nor do files that are no longer watched', async () => {
  const api = new Held()
  let look = (): void => undefined
  const looked = new Promise<void>((resolve) => { look = resolve })
  const watcher = new Watcher(api, ignored, () => looked)
  watcher.watch([file('a'), file('done', { status: 'success' }), file('old', { updated_at: '2020-01-01T00:00:00Z' })])
  await Promise.resolve()
  expect(api.waiting).toEqual([])
  look()
  await expect.poll(() => api.waiting.map(({ id }) => id)).toEqual(['a'])
  watcher.stop()
})

test('an import shows its progress, and one that backs off is waited for longer', async () => {
  const api = new Held()
  const watcher = new Watcher(api, ignored, seen)
  watcher.watch([file('running', { source: 'url', status: 'running' }), file('resting', { source: 'url', retrying: { reason: 'r', next_try_at: '' } })])
  await expect.poll(() => api.waiting.map(({ id, wait }) => [id, wait])).toEqual([['running', 2], ['resting', 20]])
  watcher.stop()
})

test('the library waits for its files with few requests instead of listing them all the time', async ({ files }) => {
  const { page } = files
  const requests: string[] = []
  page.on('request', (request) => { if (request.method() === 'GET') requests.push(request.url()) })
  await files.announce(1)
  await files.open()
  await expect(files.row('waiting 1.mov')).toBeVisible()
  await expect.poll(() => requests.filter((url) => url.includes('wait=20')).length).toBe(1)
  const before = requests.length
  await expect.poll(() => page.evaluate(() => performance.now()), { timeout: 30_000 }).toBeGreaterThan(10_000)
  expect(requests.length - before).toBeLessThanOrEqual(1)
  const { id } = await files.found('waiting 1.mov')
  const put = (await (await files.api(`/uploads/${id}/sign`, {})).json()) as { url: string; headers: Record<string, string> }
  const sent = await fetch(put.url, { method: 'PUT', headers: put.headers, body: '12345' })
  expect(sent.status).toBe(200)
  await expect(files.row('waiting 1.mov').locator('.chip')).toHaveText('No media', { timeout: 5_000 })
})

test('a file of another tab leaves the filter when it is done', async ({ files }) => {
  const { page } = files
  await files.announce(1)
  await files.open('#status=pending')
  await expect(files.row('waiting 1.mov')).toBeVisible()
  await files.choose(clip(), text('other.txt', 'other'))
  const { id } = await files.found('waiting 1.mov')
  const put = (await (await files.api(`/uploads/${id}/sign`, {})).json()) as { url: string; headers: Record<string, string> }
  await fetch(put.url, { method: 'PUT', headers: put.headers, body: '12345' })
  await expect(page.locator('li.file')).toHaveCount(0)
})
