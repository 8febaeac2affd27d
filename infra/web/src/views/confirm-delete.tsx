import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './error-note.tsx'

/** Number of names that are shown. */
const NAMED = 5

interface Props {
  client: Client
  files: FileSummary[]
  /** Called when all files are deleted. */
  onDeleted: (message: string) => void
  /** Called on close, with the number of deleted files. */
  onClose: (gone: number) => void
}

interface Failure {
  file: FileSummary
  error: unknown
}

/** Asks, then deletes one file or several. Lists each file that failed, which can be retried. */
export function ConfirmDelete({ client, files, onDeleted, onClose }: Props): JSX.Element {
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set())
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [failures, setFailures] = useState<Failure[]>([])
  const left = files.filter(({ id }) => !gone.has(id))
  const remove = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    setFailures([])
    try {
      const failed = await removeFrom(client, left)
      setGone(new Set(files.map(({ id }) => id).filter((id) => !failed.has(id))))
      setFailures(left.flatMap((file) => (failed.has(file.id) ? [{ file, error: failed.get(file.id) }] : [])))
      if (failed.size === 0) onDeleted(doneOf(files))
    } catch (refused) {
      setError(refused)
    }
    setBusy(false)
  }
  const close = (): void => { if (!busy) onClose(gone.size) }
  const one = files.length === 1
  return (
    <Dialog label={one ? 'Delete file' : 'Delete files'} class="dialog small" onClose={close}>
      <h2>{one ? 'Delete this file?' : `Delete ${countOf(left)}?`}</h2>
      {one
        ? <p class="confirm-text"><bdi class="name">{files[0]?.name}</bdi> and everything known about it will be gone for good.</p>
        : <Several files={left} />}
      <ErrorNote error={error} />
      {failures.map((failure) => (
        <div key={failure.file.id}>
          <p class="confirm-text"><bdi class="name">{failure.file.name}</bdi></p>
          <ErrorNote error={failure.error} />
        </div>
      ))}
      <div class="actions end">
        <button type="button" class="button" disabled={busy} onClick={close} autofocus>Cancel</button>
        <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>
          {busy ? 'Deleting…' : failures.length > 0 || error !== null ? 'Try again' : 'Delete'}
        </button>
      </div>
    </Dialog>
  )
}

/** Deletes files; returns why some could not be deleted, by their ids. */
async function removeFrom(client: Client, files: FileSummary[]): Promise<ReadonlyMap<string, unknown>> {
  const [first, ...others] = files.map(({ id }) => id)
  if (first === undefined) return new Map()
  if (others.length > 0) return client.removeAll([first, ...others])
  await client.remove(first)
  return new Map()
}

function Several({ files }: { files: FileSummary[] }): JSX.Element {
  return (
    <div class="confirm-text">
      <p>They and everything known about them will be gone for good:</p>
      <ul class="confirm-names">
        {files.slice(0, NAMED).map(({ id, name }) => <li key={id}><bdi class="name">{name}</bdi></li>)}
        {files.length > NAMED && <li class="muted">and {files.length - NAMED} more</li>}
      </ul>
    </div>
  )
}

function doneOf(files: FileSummary[]): string {
  return files.length === 1 ? `Deleted ${files[0]?.name ?? ''}` : `Deleted ${countOf(files)}`
}

function countOf({ length }: FileSummary[]): string {
  return length === 1 ? '1 file' : `${length.toString()} files`
}
