import { useEffect, useRef, useState } from 'preact/hooks'
import { type Client, type Filters } from '../api/client.ts'
import { pause } from '../api/retry.ts'
import type { FileSummary, Page } from '../api/types.ts'
import { isUnderWay, movesSoon, visible } from '../api/under-way.ts'
import { AT_ONCE, Watcher } from '../api/watcher.ts'

export const PAGE_SIZE = 48 // whole rows of a grid with 2, 3, 4 or 6 columns

/** Milliseconds between two lists: for files that others add, and while more files change than requests wait for. */
const USUAL = 12_000
const CROWDED = 5_000

export interface PageState {
  page: Page | null
  error: unknown
  /** Whether `page` belongs to other filters or to another page than the current ones. */
  stale: boolean
}

/** One page of the library, which is updated while the tab is visible: by requests that wait for its files, and by lists at intervals. */
export function usePage(client: Client, filters: Filters, cursor: string | null, version: number): PageState {
  const [shown, setShown] = useState<PageState & { of: string }>({ page: null, error: null, stale: true, of: '' })
  const [again, setAgain] = useState(0)
  const asked = JSON.stringify([filters, cursor])
  const filtered = filters.status !== '' || filters.type !== ''
  useEffect(() => {
    const stop = new AbortController()
    const follow = async (): Promise<void> => {
      for (;;) {
        const page = await client.list(filters, cursor, PAGE_SIZE, { signal: stop.signal }).catch((error: unknown) => {
          if (!stop.signal.aborted) setShown((before) => ({ ...before, error, stale: false, of: asked }))
          return null
        })
        if (stop.signal.aborted) return
        if (page !== null) setShown((before) => ({ page: withKnown(page, before.page), error: null, stale: false, of: asked }))
        await pause((page?.files.filter(movesSoon).length ?? 0) > AT_ONCE ? CROWDED : USUAL, stop.signal)
        await visible(stop.signal)
      }
    }
    follow().catch(() => undefined) // aborted
    return () => { stop.abort(); }
  }, [client, asked, version, again])

  // If a file leaves its filter or is deleted, the page has room for another one.
  const next = useRef<() => void>(() => undefined)
  next.current = () => { setAgain((before) => before + 1); }
  const watcher = useRef<Watcher | null>(null)
  useEffect(() => {
    const watch = new Watcher(client, {
      onFile: (file) => {
        setShown((before) => (before.page === null ? before : { ...before, page: withFile(before.page, file) }))
        if (filtered && !isUnderWay(file)) next.current()
      },
      onGone: () => { next.current(); },
    })
    watcher.current = watch
    return () => { watch.stop(); }
  }, [client, filtered])
  const files = shown.page?.files
  useEffect(() => { watcher.current?.watch(files ?? []) }, [files, client, filtered])
  return { ...shown, stale: shown.of !== asked }
}

/** A list may be older, and has no `retrying` of an import: newer data is kept. */
function withKnown(page: Page, before: Page | null): Page {
  const known = new Map(before?.files.map((file) => [file.id, file]))
  return { ...page, files: page.files.map((file) => better(file, known.get(file.id))) }
}

function better(listed: FileSummary, known: FileSummary | undefined): FileSummary {
  if (known === undefined) return listed
  if (!isUnderWay(listed)) return known.updated_at === listed.updated_at ? known : listed // the same object is not drawn again
  if (!isUnderWay(known) || known.updated_at > listed.updated_at) return known
  return known.retrying && known.updated_at === listed.updated_at ? { ...listed, retrying: known.retrying } : listed
}

function withFile(page: Page, file: FileSummary): Page {
  return { ...page, files: page.files.map((other) => (other.id === file.id ? file : other)) }
}
