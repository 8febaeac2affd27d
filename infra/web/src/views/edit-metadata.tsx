import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import type { Metadata } from '../changes.ts'
import { ConflictNote } from './conflict-note.tsx'
import { ErrorNote } from './error-note.tsx'
import { Icon } from './icons.tsx'
import { Table } from './table.tsx'
import { useChange } from './use-change.ts'

interface Props {
  client: Client
  file: FileDetail
  onChanged: (file: FileDetail, message: string | null) => void
}

/** The metadata, which can be edited in place. */
export function MetadataSection({ client, file, onChanged }: Props): JSX.Element {
  const [editing, setEditing] = useState(false)
  const open = useRef<HTMLButtonElement>(null)
  const rows = Object.entries(file.metadata)
  const close = (changed: FileDetail | null, message: string | null): void => {
    if (changed !== null) onChanged(changed, message)
    setEditing(false)
    setTimeout(() => { open.current?.focus(); }, 0) // once it is there again
  }
  return (
    <section aria-label="Metadata">
      <div class="section-head">
        <h3>Metadata</h3>
        {!editing && <button ref={open} type="button" class="button small quiet" onClick={() => { setEditing(true); }}>Edit metadata</button>}
      </div>
      {editing
        ? <Editor client={client} file={file} onClose={close} />
        : rows.length > 0 ? <Table rows={rows} /> : <p class="muted">None.</p>}
    </section>
  )
}

interface Row {
  id: number
  key: string
  value: string
}

interface EditorProps {
  client: Client
  file: FileDetail
  onClose: (changed: FileDetail | null, message: string | null) => void
}

function Editor({ client, file, onClose }: EditorProps): JSX.Element {
  const next = useRef(0)
  const fresh = (key = '', value = ''): Row => ({ id: next.current++, key, value })
  // What was there when the editor opened: the file may change meanwhile.
  const [opened] = useState(file)
  const [rows, setRows] = useState(() => [...Object.entries(file.metadata).map(([key, value]) => fresh(key, value)), fresh()])
  const saving = useChange(client, opened, (saved) => { onClose(saved, 'Metadata saved'); })
  const { conflict } = saving
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => { list.current?.querySelector('input')?.focus(); }, [])
  const set = (id: number, change: Partial<Row>): void => {
    const changed = rows.map((row) => (row.id === id ? { ...row, ...change } : row))
    const last = changed.at(-1)
    setRows(last?.key === '' && last.value === '' ? changed : [...changed, fresh()])
  }
  const twice = rows.find(({ key }, index) => key.trim() !== '' && rows.findIndex((other) => other.key.trim() === key.trim()) < index)
  const nameless = rows.some(({ key, value }) => key.trim() === '' && value !== '')
  const problem = twice !== undefined ? `“${twice.key.trim()}” is there twice.` : nameless ? 'A value has no name.' : null
  return (
    <form
      class="metadata-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (problem === null) void saving.save({ metadata: metadataOf(rows) })
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault() // closes this form, not the dialog around it
        onClose(null, null)
      }}
    >
      <ul ref={list}>
        {rows.map((row, index) => (
          <li key={row.id}>
            <input type="text" dir="auto" maxLength={64} placeholder="Name" aria-label={`Name ${(index + 1).toString()}`} value={row.key} onInput={(event) => { set(row.id, { key: event.currentTarget.value }); }} />
            <input type="text" dir="auto" maxLength={512} placeholder="Value" aria-label={`Value ${(index + 1).toString()}`} value={row.value} onInput={(event) => { set(row.id, { value: event.currentTarget.value }); }} />
            <button type="button" class="button quiet square" disabled={index === rows.length - 1} aria-label={`Remove ${row.key === '' ? `row ${(index + 1).toString()}` : row.key}`} onClick={() => { setRows(rows.filter(({ id }) => id !== row.id)); }}>
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {problem !== null && <p class="note error" role="alert">{problem}</p>}
      <ErrorNote error={saving.error} />
      {conflict !== null && <ConflictNote saving={saving} conflict={conflict} onTheirs={() => { onClose(conflict.theirs, null); }} />}
      {conflict === null && (
        <div class="actions">
          <button type="submit" class="button small primary" disabled={saving.busy || problem !== null}>{saving.busy ? 'Saving…' : 'Save metadata'}</button>
          <button type="button" class="button small quiet" disabled={saving.busy} onClick={() => { onClose(null, null); }}>Cancel</button>
        </div>
      )}
    </form>
  )
}

function metadataOf(rows: readonly Row[]): Metadata {
  return Object.fromEntries(rows.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value]))
}
