import { useEffect, useState } from 'preact/hooks'
import { type Client, type Filters } from '../api/client.ts'
import type { FileSummary, Page } from '../api/types.ts'
import { pause } from '../api/retry.ts'

export const PAGE_SIZE = 48 // whole rows of a grid with 2, 3, 4 or 6 columns

/** Milliseconds between two looks while something happens, and while nothing does. */
const SOON = 1_500
const LATER = 12_000

/** How long a pending file is looked at often, in milliseconds. */
const YOUNG = 600_000

export interface Shown {
  page: Page | null
  error: unknown
  /** What is shown is of other filters or another page than asked for. */
  stale: boolean
}

/** One page of the library, kept up to date while somebody looks at it. */
export function usePage(client: Client, filters: Filters, cursor: string | null, version: number): Shown {
  const [shown, setShown] = useState<Shown & { of: string }>({ page: null, error: null, stale: true, of: '' })
  const asked = JSON.stringify([filters, cursor])
  useEffect(() => {
    const stop = new AbortController()
    const follow = async (): Promise<void> => {
      for (;;) {
        const page = await client.list(filters, cursor, PAGE_SIZE, { signal: stop.signal }).catch((error: unknown) => {
          if (!stop.signal.aborted) setShown((before) => ({ ...before, error, stale: false, of: asked }))
          return null
        })
        if (stop.signal.aborted) return
        if (page !== null) setShown({ page, error: null, stale: false, of: asked })
        await pause(page?.files.some(movesSoon) === true ? SOON : LATER, stop.signal)
        await visible(stop.signal)
      }
    }
    follow().catch(() => undefined) // ends by being stopped
    return () => { stop.abort(); }
  }, [client, asked, version])
  return { ...shown, stale: shown.of !== asked }
}

export function isUnderWay(file: FileSummary): boolean {
  return file.status === 'pending' || file.status === 'running'
}

/** Announced uploads that nobody sends may wait for days: only young ones are looked at often. */
function movesSoon(file: FileSummary): boolean {
  return isUnderWay(file) && (file.status === 'running' || Date.now() - Date.parse(file.updated_at) < YOUNG)
}

/** Nobody looks at a hidden tab. */
function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve) => {
    const look = (): void => {
      if (!document.hidden) resolve()
    }
    document.addEventListener('visibilitychange', look, { signal })
    signal.addEventListener('abort', () => { resolve(); }, { once: true })
  })
}
