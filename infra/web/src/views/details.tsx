import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, type Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { bytes, date } from '../format.ts'
import { mediumOf } from '../playable.ts'
import { chaptersOf } from '../words.ts'
import { Chapters } from './chapters.tsx'
import { ConfirmDelete } from './confirm-delete.tsx'
import { Dialog } from './dialog.tsx'
import { MetadataSection } from './edit-metadata.tsx'
import { ErrorNote } from './error-note.tsx'
import { Expiry } from './expiry.tsx'
import { nextTry } from './file-item.tsx'
import { Icon } from './icons.tsx'
import { originRows } from './origin-rows.ts'
import { Player } from './player.tsx'
import { ProbeTables } from './probe-tables.tsx'
import { Rename } from './rename.tsx'
import { RetryImport } from './retry-import.tsx'
import { StatusChip } from './status-chip.tsx'
import { Table } from './table.tsx'
import { UseIt } from './use-it.tsx'
import { useFile } from './use-file.ts'

interface Props {
  client: Client
  id: string
  onClose: () => void
  onDone: (message: string) => void
}

export function Details({ client, id, onClose, onDone }: Props): JSX.Element {
  const { file, error, update } = useFile(client, id)
  const [renaming, setRenaming] = useState(false)
  const [doomed, setDoomed] = useState(false)
  const name = file?.name
  useEffect(() => {
    const before = document.title
    if (name !== undefined) document.title = `${name} · ${before}`
    return () => { document.title = before; }
  }, [name])
  return (
    <Dialog label={file?.name ?? 'File'} class="dialog sheet" onClose={onClose}>
      <div class="sheet-head">
        <h2>{file === null ? 'File' : <span class="name"><bdi>{file.name}</bdi></span>}</h2>
        <button type="button" class="button quiet square" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </div>
      {file !== null && renaming && (
        <Rename
          client={client}
          file={file}
          onClose={() => { setRenaming(false); }}
          onRenamed={(renamed) => {
            update(renamed)
            onDone(`Renamed to ${renamed.name}`)
          }}
        />
      )}
      <ErrorNote error={error} />
      {error instanceof ApiError && error.status === 404 && (
        <p class="muted">It was deleted, or it belongs to another owner than the key that you use.</p>
      )}
      {file !== null && (
        <Body
          client={client}
          file={file}
          onRename={() => { setRenaming(true); }}
          onChanged={(changed, message) => {
            update(changed)
            if (message !== null) onDone(message)
          }}
          onDelete={() => { setDoomed(true); }}
          onImported={(message) => {
            onClose()
            onDone(message)
          }}
        />
      )}
      {file !== null && doomed && (
        <ConfirmDelete
          client={client}
          files={[file]}
          onClose={() => { setDoomed(false); }}
          onDeleted={(message) => {
            onClose()
            onDone(message)
          }}
        />
      )}
    </Dialog>
  )
}

interface BodyProps {
  client: Client
  file: FileDetail
  onRename: () => void
  /** Metadata or expiry were saved, or somebody else's change is taken, without a message. */
  onChanged: (file: FileDetail, message: string | null) => void
  onDelete: () => void
  /** A failed import gave way to another. */
  onImported: (message: string) => void
}

function Body({ client, file, onRename, onChanged, onDelete, onImported }: BodyProps): JSX.Element {
  const [error, setError] = useState<unknown>(null)
  const player = useRef<HTMLMediaElement>(null)
  const medium = mediumOf(file)
  const ready = file.status === 'success'
  const download = async (): Promise<void> => {
    setError(null)
    try {
      location.assign(await client.addressOf(file, 'attachment', 300))
    } catch (refused) {
      setError(refused)
    }
  }
  return (
    <>
      <p class="sheet-facts muted">
        <StatusChip file={file} retrying={file.retrying ?? null} />
        {file.size !== null && <span>{bytes(file.size)}</span>}
        <span>{date(file.created_at)}</span>
      </p>
      {file.error !== null && <p class="note error">{file.error}</p>}
      {ready && medium !== null && isReadable(file) && <Player client={client} file={file} medium={medium} player={player} />}
      <div class="actions">
        {file.status !== 'failed' && (
          <button type="button" class="button primary" disabled={!ready} onClick={() => void download()}><Icon name="download" /> Download</button>
        )}
        {file.status === 'failed' && file.source === 'url' && <RetryImport client={client} file={file} onDone={onImported} />}
        <button type="button" class="button" onClick={onRename}>Rename</button>
        <button type="button" class="button danger quiet" onClick={onDelete}><Icon name="trash" /> Delete</button>
      </div>
      <ErrorNote error={error} />
      <Waiting file={file} />
      {file.ffprobe_error !== null && (
        <p class="note">
          {file.ffprobe === null ? 'Stored and ready to download, without media facts' : 'Some media facts are missing'}: {file.ffprobe_error}.
        </p>
      )}
      {file.ffprobe !== null && <Chapters chapters={chaptersOf(file.ffprobe, file.origin)} player={player} />}
      {file.ffprobe !== null && <ProbeTables file={file} probe={file.ffprobe} />}
      <UseIt client={client} file={file} />
      <MetadataSection client={client} file={file} onChanged={onChanged} />
      <h3>File</h3>
      <Table rows={factsOf(file)} />
      <Expiry client={client} file={file} onChanged={onChanged} />
      {file.origin !== null && (
        <>
          <h3>Page</h3>
          <Table rows={originRows(file.origin)} />
        </>
      )}
    </>
  )
}

/** Not of what ffprobe has tried to read in vain. */
function isReadable(file: FileDetail): boolean {
  return file.ffprobe !== null || file.ffprobe_error === null
}

function Waiting({ file }: { file: FileDetail }): JSX.Element | null {
  const { progress, retrying } = file
  if (file.status !== 'pending' && file.status !== 'running') return null
  if (retrying) return <p class="note" role="status">The import backs off. {nextTry(retrying)}</p>
  if (file.status === 'pending') {
    return <p class="note" role="status">{file.source === 'url' ? 'The import is about to begin.' : 'The bytes have not all arrived yet.'}</p>
  }
  if (progress === null) return <p class="note" role="status">ffprobe is reading it.</p>
  return (
    <div class="note" role="status">
      <p>{bytes(progress.received)}{progress.total !== null && ` of ${bytes(progress.total)}`} imported</p>
      <progress {...(progress.total !== null && { value: progress.received, max: progress.total })} aria-label="Import" />
    </div>
  )
}

function factsOf(file: FileDetail): [string, string][] {
  const rows: [string, string | null][] = [
    ['Type', file.content_type],
    ['Size', file.size === null ? null : `${bytes(file.size)} (${file.size.toLocaleString()} bytes)`],
    ['Source', file.source_url ?? 'Upload'],
    ['Created', new Date(file.created_at).toLocaleString()],
    ['Changed', new Date(file.updated_at).toLocaleString()],
    ['Reference', file.reference],
    ...Object.entries(file.checksum ?? {}),
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}
