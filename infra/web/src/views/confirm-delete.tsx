import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { inParallel } from '../api/pool.ts'
import type { FileSummary } from '../api/types.ts'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './error-note.tsx'

/** Files that are deleted at the same time. */
const AT_ONCE = 4

/** Names that are shown. */
const NAMED = 5

interface Props {
  client: Client
  files: FileSummary[]
  /** All are deleted. */
  onDeleted: (message: string) => void
  /** Nobody wants to delete more; so many were deleted before. */
  onClose: (gone: number) => void
}

interface Failure {
  file: FileSummary
  error: unknown
}

/** Asks, then deletes one file or several. What fails is told file by file, and can be tried again. */
export function ConfirmDelete({ client, files, onDeleted, onClose }: Props): JSX.Element {
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set())
  const [busy, setBusy] = useState(false)
  const [failures, setFailures] = useState<Failure[]>([])
  const left = files.filter(({ id }) => !gone.has(id))
  const remove = async (): Promise<void> => {
    setBusy(true)
    setFailures([])
    const deleted = new Set(gone)
    const failed: Failure[] = []
    await inParallel(left, AT_ONCE, async (file) => {
      try {
        await client.remove(file.id)
        deleted.add(file.id)
        setGone(new Set(deleted))
      } catch (error) {
        failed.push({ file, error })
      }
    })
    setBusy(false)
    setFailures(failed)
    if (failed.length === 0) onDeleted(doneOf(files))
  }
  const close = (): void => { if (!busy) onClose(gone.size) }
  const one = files.length === 1
  return (
    <Dialog label={one ? 'Delete file' : 'Delete files'} class="dialog small" onClose={close}>
      <h2>{one ? 'Delete this file?' : `Delete ${countOf(left)}?`}</h2>
      {one
        ? <p class="confirm-text"><bdi class="name">{files[0]?.name}</bdi> and everything known about it will be gone for good.</p>
        : <Several files={left} />}
      {busy && !one && <progress value={gone.size} max={files.length} aria-label="Deleted files" />}
      {failures.map(({ file, error }) => (
        <div key={file.id}>
          {!one && <p class="confirm-text"><bdi class="name">{file.name}</bdi></p>}
          <ErrorNote error={error} />
        </div>
      ))}
      <div class="actions end">
        <button type="button" class="button" disabled={busy} onClick={close} autofocus>Cancel</button>
        <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>
          {busy ? 'Deleting…' : failures.length > 0 ? 'Try again' : 'Delete'}
        </button>
      </div>
    </Dialog>
  )
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
