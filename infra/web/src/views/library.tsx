import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Client, Filters } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'
import { ConfirmDelete } from './confirm-delete.tsx'
import { ErrorNote } from './error-note.tsx'
import { FileRow } from './file-row.tsx'
import { ALL, FilterBar, isFiltered } from './filters.tsx'
import { usePage } from './use-page.ts'

interface Props {
  client: Client
  version: number
  onOpen: (id: string) => void
  onDone: (message: string) => void
}

export function Library({ client, version, onOpen, onDone }: Props): JSX.Element {
  const [filters, setFilters] = useState<Filters>(ALL)
  // The cursors of the pages up to this one; the first page has none.
  const [cursors, setCursors] = useState<string[]>([])
  const [doomed, setDoomed] = useState<FileSummary | null>(null)
  const { page, error, stale } = usePage(client, filters, cursors.at(-1) ?? null, version)
  const choose = (next: Filters): void => {
    setFilters(next)
    setCursors([])
  }
  const next = page?.next_cursor ?? null
  const files = page?.files ?? []
  return (
    <section class="library" aria-label="Library" aria-busy={stale}>
      <div class="library-head">
        <h1>Library</h1>
        <FilterBar filters={filters} onChange={choose} />
      </div>
      <ErrorNote error={error} />
      {files.length > 0 && (
        <ul class={stale ? 'card files stale' : 'card files'}>
          {files.map((file) => (
            <FileRow key={file.id} file={file} onOpen={() => { onOpen(file.id); }} onDelete={() => { setDoomed(file); }} />
          ))}
        </ul>
      )}
      {page === null && error === null && <Skeleton />}
      {page !== null && files.length === 0 && (
        <Empty filtered={isFiltered(filters)} more={next !== null} onClear={() => { choose({ ...ALL, order: filters.order }); }} />
      )}
      {(cursors.length > 0 || next !== null) && (
        <nav class="pages" aria-label="Pages">
          <button type="button" class="button" disabled={cursors.length === 0 || stale} onClick={() => { setCursors(cursors.slice(0, -1)); }}>
            Previous
          </button>
          <span class="muted">Page {cursors.length + 1}</span>
          <button type="button" class="button" disabled={next === null || stale} onClick={() => { if (next !== null) setCursors([...cursors, next]); }}>
            Next
          </button>
        </nav>
      )}
      {doomed !== null && (
        <ConfirmDelete
          client={client}
          file={doomed}
          onClose={() => { setDoomed(null); }}
          onDeleted={() => {
            setDoomed(null)
            onDone(`Deleted ${doomed.name}`)
          }}
        />
      )}
    </section>
  )
}

function Empty({ filtered, more, onClear }: { filtered: boolean; more: boolean; onClear: () => void }): JSX.Element {
  if (!filtered) {
    return (
      <div class="card empty">
        <h2>Nothing here yet</h2>
        <p class="muted">Drop some files, or import one from a URL. They show up here at once, with their facts as soon as ffprobe has read them.</p>
      </div>
    )
  }
  return (
    <div class="card empty">
      <h2>No file fits</h2>
      <p class="muted">{more ? 'None on this page; the next one may hold some.' : 'No file has all that these filters ask for.'}</p>
      <button type="button" class="button" onClick={onClear}>Clear filters</button>
    </div>
  )
}

function Skeleton(): JSX.Element {
  return (
    <div class="card files skeleton" aria-hidden="true">
      {[0, 1, 2].map((row) => <div key={row} class="file"><i /><i class="grow" /></div>)}
    </div>
  )
}
