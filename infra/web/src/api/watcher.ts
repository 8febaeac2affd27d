import { ApiError, type Client } from './client.ts'
import { online } from './retry.ts'
import type { FileDetail, FileSummary } from './types.ts'
import { Backoff, movesSoon, secondsFor, visible } from './under-way.ts'

/**
 * Requests that wait at the same time. The API limits them per owner, and a browser opens six connections to a host without HTTP/2:
 * the others are for other requests.
 */
export const AT_ONCE = 3

/** Milliseconds for which fewer requests wait after an early response. */
const FEWER_FOR = 60_000

interface Listener {
  onFile: (file: FileDetail) => void
  /** The file was deleted. */
  onGone: (id: string) => void
}

/** Waits for files that are not final, several at a time and all in turn, and reports their changes. */
export class Watcher {
  readonly #client: Pick<Client, 'get'>
  readonly #listener: Listener
  readonly #ready: (signal: AbortSignal) => Promise<void>
  readonly #stop = new AbortController()
  readonly #backoff = new Backoff()
  /** Number of requests that the API currently lets wait. */
  #limit = AT_ONCE
  #early = 0
  /** In the order of their turns. */
  #waiting: FileSummary[] = []
  readonly #asked = new Set<string>()

  /** `ready` resolves as soon as the tab is visible and online. */
  constructor(client: Pick<Client, 'get'>, listener: Listener, ready = visibleAndOnline) {
    this.#client = client
    this.#listener = listener
    this.#ready = ready
  }

  /** Watches those of these files that can change soon, and no others. A request that already waits continues. */
  watch(files: readonly FileSummary[]): void {
    const wanted = new Map(files.filter(movesSoon).map((file) => [file.id, file]))
    const known = this.#waiting.flatMap(({ id }) => wanted.get(id) ?? [])
    const queued = new Set(known.map(({ id }) => id))
    this.#waiting = [...known, ...[...wanted.values()].filter(({ id }) => !queued.has(id) && !this.#asked.has(id))]
    this.#fill()
  }

  stop(): void {
    this.#stop.abort()
  }

  #fill(): void {
    if (performance.now() - this.#early > FEWER_FOR) this.#limit = AT_ONCE
    while (this.#asked.size < this.#limit && !this.#stop.signal.aborted) {
      const file = this.#waiting.shift()
      if (file === undefined) return
      this.#asked.add(file.id)
      void this.#look(file).then((next) => {
        this.#asked.delete(file.id)
        if (next !== null && !this.#waiting.some(({ id }) => id === next.id)) this.#waiting.push(next)
        this.#fill()
      })
    }
  }

  #less(): void {
    this.#early = performance.now()
    this.#limit = Math.max(1, this.#limit - 1)
  }

  /** Waits for one file; returns it if it needs another turn. */
  async #look(file: FileSummary): Promise<FileSummary | null> {
    const { signal } = this.#stop
    const wait = secondsFor(file, this.#waiting.length > 0)
    try {
      await this.#backoff.over(signal)
      await this.#ready(signal)
      const began = performance.now()
      const found = await this.#client.get(file.id, { wait, signal, attempts: 1 })
      if (this.#backoff.note(wait, performance.now() - began, !movesSoon(found))) this.#less()
      this.#listener.onFile(found)
      return movesSoon(found) ? found : null
    } catch (error) {
      if (signal.aborted) return null
      if (error instanceof ApiError && error.status === 404) {
        this.#listener.onGone(file.id)
        return null
      }
      this.#backoff.more()
      return file
    }
  }
}

async function visibleAndOnline(signal: AbortSignal): Promise<void> {
  await visible(signal)
  await online(signal)
}
