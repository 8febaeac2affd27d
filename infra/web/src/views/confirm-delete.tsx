import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './error-note.tsx'

interface Props {
  client: Client
  file: FileSummary
  onDeleted: () => void
  onClose: () => void
}

export function ConfirmDelete({ client, file, onDeleted, onClose }: Props): JSX.Element {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const remove = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      await client.remove(file.id)
      onDeleted()
    } catch (refused) {
      setError(refused)
      setBusy(false)
    }
  }
  return (
    <Dialog label="Delete file" class="dialog small" onClose={onClose}>
      <h2>Delete this file?</h2>
      <p class="confirm-text">
        <bdi class="name">{file.name}</bdi> and everything known about it will be gone for good.
      </p>
      <ErrorNote error={error} />
      <div class="actions end">
        <button type="button" class="button" onClick={onClose} autofocus>Cancel</button>
        <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>
          {busy ? 'Deleting…' : 'Delete'}
        </button>
      </div>
    </Dialog>
  )
}
