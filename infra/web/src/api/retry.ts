/** Tries again what may succeed later: no connection, too many requests, a server that is not well. */

/** Milliseconds before the second, third, … attempt. */
export const DELAYS: readonly number[] = [500, 1_000, 2_000, 4_000]

/** The longest that a server's `Retry-After` is obeyed, in milliseconds. */
const LONGEST_WAIT = 30_000

/** Resolves after the time, or rejects when `signal` aborts. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer)
      reject(abortReason(signal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, milliseconds)
    if (signal?.aborted === true) aborted()
    else signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** Ends at once where there is a network, else as soon as there is one. */
export function online(signal?: AbortSignal): Promise<void> {
  if (navigator.onLine) return Promise.resolve()
  return new Promise((resolve, reject) => {
    addEventListener('online', () => { resolve(); }, { once: true, ...(signal && { signal }) })
    signal?.addEventListener('abort', () => { reject(abortReason(signal)); }, { once: true })
  })
}

export function abortReason(signal?: AbortSignal): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new DOMException('The request was aborted', 'AbortError')
}

/** How long to wait before the next attempt: what the server asks for, else up to the delay, by chance. */
export function waitBefore(attempt: number, retryAfter: string | null = null): number {
  const asked = Number(retryAfter) * 1_000
  if (asked > 0) return Math.min(asked, LONGEST_WAIT)
  const delay = DELAYS[Math.min(attempt, DELAYS.length) - 1] ?? 0
  return delay / 2 + (Math.random() * delay) / 2
}
