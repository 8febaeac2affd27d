import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { ConflictNote } from './conflict-note.tsx'
import { ErrorNote } from './error-note.tsx'
import { useChange } from './use-change.ts'

const DAY = 86_400

const CHOICES: readonly [string, number | null][] = [
  ['1 day from now', DAY], ['7 days from now', 7 * DAY], ['30 days from now', 30 * DAY], ['1 year from now', 365 * DAY], ['Never: keep it for good', null],
]

interface Props {
  client: Client
  file: FileDetail
  onChanged: (file: FileDetail, message: string | null) => void
}

/** When the file is deleted by itself, which can be moved and removed. */
export function Expiry({ client, file, onChanged }: Props): JSX.Element {
  const [editing, setEditing] = useState(false)
  const open = useRef<HTMLButtonElement>(null)
  const close = (changed: FileDetail | null, message: string | null): void => {
    if (changed !== null) onChanged(changed, message)
    setEditing(false)
    setTimeout(() => { open.current?.focus(); }, 0) // once it is there again
  }
  return (
    <section aria-label="Expiry">
      <div class="section-head">
        <p>{file.expires_at === null ? 'Kept for good' : `Deleted on ${new Date(file.expires_at).toLocaleString()}`}</p>
        {!editing && <button ref={open} type="button" class="button small quiet" onClick={() => { setEditing(true); }}>Change expiry</button>}
      </div>
      {editing && <Editor client={client} file={file} onClose={close} />}
    </section>
  )
}

interface EditorProps {
  client: Client
  file: FileDetail
  onClose: (changed: FileDetail | null, message: string | null) => void
}

function Editor({ client, file, onClose }: EditorProps): JSX.Element {
  const [opened] = useState(file) // what was there then: the file may change meanwhile
  const [chosen, setChosen] = useState(file.expires_at === null ? 1 : 2)
  const saving = useChange(client, opened, (saved) => { onClose(saved, saved.expires_at === null ? 'Kept for good' : 'Expiry saved'); })
  const { conflict } = saving
  const field = useRef<HTMLSelectElement>(null)
  useEffect(() => { field.current?.focus(); }, [])
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void saving.save({ expires_in: CHOICES[chosen]?.[1] ?? null })
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault() // closes this form, not the dialog around it
        onClose(null, null)
      }}
    >
      <select ref={field} aria-label="Delete it" value={chosen} onChange={(event) => { setChosen(event.currentTarget.selectedIndex); }}>
        {CHOICES.map(([label], index) => <option key={label} value={index}>{label}</option>)}
      </select>
      <ErrorNote error={saving.error} />
      {conflict !== null && <ConflictNote saving={saving} conflict={conflict} onTheirs={() => { onClose(conflict.theirs, null); }} />}
      {conflict === null && (
        <div class="actions">
          <button type="submit" class="button small primary" disabled={saving.busy}>{saving.busy ? 'Saving…' : 'Save expiry'}</button>
          <button type="button" class="button small quiet" disabled={saving.busy} onClick={() => { onClose(null, null); }}>Cancel</button>
        </div>
      )}
    </form>
  )
}
