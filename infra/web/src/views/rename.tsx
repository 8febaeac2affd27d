import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { ErrorNote } from './error-note.tsx'

interface Props {
  client: Client
  file: FileDetail
  onRenamed: (file: FileDetail) => void
  onClose: () => void
}

/** Gives a file another name. */
export function Rename({ client, file, onRenamed, onClose }: Props): JSX.Element {
  const [name, setName] = useState(file.name)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const dot = file.name.lastIndexOf('.')
    field.current?.focus()
    field.current?.setSelectionRange(0, dot > 0 ? dot : file.name.length) // the extension usually stays
  }, [])
  const submit = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      onRenamed(await client.rename(file.id, name.trim()))
      onClose()
    } catch (refused) {
      setError(refused)
      setBusy(false)
    }
  }
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault() // closes this form, not the dialog around it
        onClose()
      }}
    >
      <input ref={field} type="text" aria-label="Name" required dir="auto" autocomplete="off" spellcheck={false} value={name} onInput={(event) => { setName(event.currentTarget.value); }} />
      <div class="actions">
        <button type="submit" class="button small primary" disabled={busy}>{busy ? 'Saving…' : 'Save'}</button>
        <button type="button" class="button small quiet" disabled={busy} onClick={onClose}>Cancel</button>
      </div>
      <ErrorNote error={error} />
    </form>
  )
}
