import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Client, UnreachableError } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'
import { isUnderWay } from '../api/under-way.ts'
import { arrange } from '../arrange.ts'
import type { Navigation } from '../route.ts'
import { BulkBar } from './bulk-bar.tsx'
import { ConfirmDelete } from './confirm-delete.tsx'
import { Empty, Skeleton } from './empty.tsx'
import { ErrorNote } from './error-note.tsx'
import { type Acts, FileItem } from './file-item.tsx'
import { FilterBar } from './filters.tsx'
import { onListKey } from './list-keys.ts'
import { Pages } from './pages.tsx'
import { UsageTotals } from './usage.tsx'
import { usePage } from './use-page.ts'
import { useSelection } from './use-selection.ts'
import { useView } from './use-view.ts'

interface Props {
  client: Client
  version: number
  navigation: Navigation
  onDone: (message: string) => void
}

export function Library({ client, version, navigation, onDone }: Props): JSX.Element {
  const { route, go } = navigation
  const [view, setView] = useView()
  const [doomed, setDoomed] = useState<FileSummary[]>([])
  const { status, type, source, order } = route
  const { page, error, stale } = usePage(client, { status, type, source, order }, route.cursor, version)
  const files = page?.files ?? []
  const shown = arrange(files, route)
  const selection = useSelection(shown.map(({ id }) => id), JSON.stringify([status, type, source, order, route.cursor]))
  const selected = shown.filter(({ id }) => selection.ids.has(id))
  const top = useScrollToTop(route.cursor)
  const next = page?.next_cursor ?? null
  const settled = files.filter((file) => !isUnderWay(file)).length
  const acts = useActs({
    toggle: ({ id }, range) => { if (range) selection.extend(id); else selection.toggle(id) },
    open: ({ id }) => { go({ file: id }); },
    remove: (file) => { setDoomed([file]); },
    done: onDone,
  })
  return (
    <section class="library" aria-label="Library" aria-busy={stale} ref={top}>
      <div class="library-head">
        <h1>Library</h1>
        <FilterBar navigation={navigation} view={view} onView={setView} />
      </div>
      <ErrorNote error={error instanceof UnreachableError && page !== null ? null : error} />
      {selected.length > 0 && (
        <BulkBar selected={selected} count={shown.length} selection={selection} onDelete={() => { setDoomed(selected); }} />
      )}
      {shown.length > 0 && (
        <ul
          class={`${view === 'grid' ? 'grid' : 'card'} files${stale ? ' stale' : ''}`}
          aria-label="Files"
          onKeyDown={(event) => { onListKey(event, selection, () => { setDoomed(selected); }); }}
        >
          {shown.map((file) => (
            <FileItem
              key={file.id}
              client={client}
              file={file}
              retrying={isUnderWay(file) ? (file.retrying ?? null) : null}
              selected={selection.ids.has(file.id)}
              acts={acts}
            />
          ))}
        </ul>
      )}
      {page === null && error === null && <Skeleton />}
      {page !== null && shown.length === 0 && <Empty navigation={navigation} loaded={files.length} more={next !== null} />}
      {page !== null && files.length > 0 && next !== null && (route.search !== '' || route.sort !== '') && (
        <p class="scope muted">Search and order cover the {files.length} files of this page.</p>
      )}
      <Pages navigation={navigation} next={next} stale={stale} />
      <UsageTotals client={client} version={`${version.toString()} ${settled.toString()}`} />
      {doomed.length > 0 && (
        <ConfirmDelete
          client={client}
          files={doomed}
          onClose={(gone) => {
            setDoomed([])
            if (gone > 0) onDone(gone === 1 ? 'Deleted 1 file' : `Deleted ${gone.toString()} files`)
          }}
          onDeleted={(message) => {
            setDoomed([])
            selection.clear()
            onDone(message)
          }}
        />
      )}
    </section>
  )
}

/** The acts of now, behind functions that stay the same. */
function useActs(now: Acts): Acts {
  const latest = useRef(now)
  latest.current = now
  return useRef<Acts>({
    toggle: (file, range) => { latest.current.toggle(file, range); },
    open: (file) => { latest.current.open(file); },
    remove: (file) => { latest.current.remove(file); },
    done: (message) => { latest.current.done(message); },
  }).current
}

/** Another page begins at its top. */
function useScrollToTop(cursor: string | null): { current: HTMLElement | null } {
  const top = useRef<HTMLElement>(null)
  const shown = useRef(cursor)
  useEffect(() => {
    if (shown.current === cursor) return
    shown.current = cursor
    top.current?.scrollIntoView({ block: 'start' })
  }, [cursor])
  return top
}
