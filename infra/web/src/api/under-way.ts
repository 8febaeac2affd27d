import type { FileSummary } from './types.ts'
import { pause } from './retry.ts'

/** Milliseconds for which a pending upload is likely to change: an abandoned one may stay for days. */
const YOUNG = 600_000

/** The longest that the API waits, in seconds. */
const LONGEST = 20

/** How long to wait for an import, whose progress comes with each response, and in turn with other files; in seconds. */
const SHORT = 2

/** Milliseconds to pause after responses that came early: the first, and the most. */
const FIRST_PAUSE = 1_500
const LONGEST_PAUSE = 6_000

/** Whether the status can still change. */
export function isUnderWay({ status }: Pick<FileSummary, 'status'>): boolean {
  return status === 'pending' || status === 'running'
}

/** Whether the file is likely to change while it is shown. */
export function movesSoon(file: FileSummary): boolean {
  if (!isUnderWay(file)) return false
  return file.source === 'url' || file.status === 'running' || Date.now() - Date.parse(file.updated_at) < YOUNG
}

/** How long a request may wait for this file, in seconds; `crowded`: others wait for their turn. */
export function secondsFor(file: FileSummary, crowded = false): number {
  const shows = file.source === 'url' && !file.retrying
  return crowded || shows ? SHORT : LONGEST
}

/** Pauses after responses that came early because too many requests wait: longer each time, until one has waited. */
export class Backoff {
  #pause = 0

  /** Notes how long a response took that should have taken `seconds`; one of a final file may come at any time. Returns whether it came early. */
  note(seconds: number, took: number, final: boolean): boolean {
    const early = !final && took < seconds * 500
    if (early) this.more()
    else this.#pause = 0
    return early
  }

  /** Notes a failure. */
  more(): void {
    this.#pause = Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, 2 * this.#pause))
  }

  /** Ends at once as long as nothing came early. */
  async over(signal: AbortSignal): Promise<void> {
    if (this.#pause > 0) await pause(this.#pause * (0.75 + Math.random() / 2), signal)
  }
}

/** Resolves as soon as the tab is visible. */
export function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve) => {
    const look = (): void => {
      if (!document.hidden) resolve()
    }
    document.addEventListener('visibilitychange', look, { signal })
    signal.addEventListener('abort', () => { resolve(); }, { once: true })
  })
}
