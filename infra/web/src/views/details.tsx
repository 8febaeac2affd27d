import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { bytes, date } from '../format.ts'
import { ConfirmDelete } from './confirm-delete.tsx'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './error-note.tsx'
import { Icon } from './icons.tsx'
import { originRows } from './origin-rows.ts'
import { Player, mediumOf } from './player.tsx'
import { ProbeTables, Table } from './probe-tables.tsx'
import { StatusChip } from './status-chip.tsx'
import { useFile } from './use-file.ts'

interface Props {
  client: Client
  id: string
  onClose: () => void
  onDone: (message: string) => void
}

export function Details({ client, id, onClose, onDone }: Props): JSX.Element {
  const { file, error } = useFile(client, id)
  const [doomed, setDoomed] = useState(false)
  return (
    <Dialog label={file?.name ?? 'File'} class="dialog sheet" onClose={onClose}>
      <div class="sheet-head">
        <h2>{file !== null && <bdi class="name">{file.name}</bdi>}</h2>
        <button type="button" class="button quiet square" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </div>
      <ErrorNote error={error} />
      {file !== null && <Body client={client} file={file} onDelete={() => { setDoomed(true); }} onDone={onDone} />}
      {file !== null && doomed && (
        <ConfirmDelete
          client={client}
          file={file}
          onClose={() => { setDoomed(false); }}
          onDeleted={() => {
            onClose()
            onDone(`Deleted ${file.name}`)
          }}
        />
      )}
    </Dialog>
  )
}

function Body({ client, file, onDelete, onDone }: { client: Client; file: FileDetail; onDelete: () => void; onDone: (message: string) => void }): JSX.Element {
  const [error, setError] = useState<unknown>(null)
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
  const copy = (): void => {
    navigator.clipboard.writeText(file.reference).then(() => { onDone('Reference copied'); }, setError)
  }
  return (
    <>
      <p class="sheet-facts muted">
        <StatusChip file={file} />
        {file.size !== null && <span>{bytes(file.size)}</span>}
        <span>{date(file.created_at)}</span>
      </p>
      {file.error !== null && <p class="note error">{file.error}</p>}
      {ready && medium !== null && <Player client={client} file={file} medium={medium} />}
      <div class="actions">
        <button type="button" class="button primary" disabled={!ready} onClick={() => void download()}><Icon name="download" /> Download</button>
        <button type="button" class="button" onClick={copy}><Icon name="copy" /> Copy reference</button>
        <button type="button" class="button danger quiet" onClick={onDelete}><Icon name="trash" /> Delete</button>
      </div>
      <ErrorNote error={error} />
      <Waiting file={file} />
      {file.ffprobe_error !== null && <p class="note">ffprobe cannot read this file: {file.ffprobe_error}</p>}
      {file.ffprobe !== null && <ProbeTables probe={file.ffprobe} />}
      <h3>File</h3>
      <Table rows={factsOf(file)} />
      {file.origin !== null && (
        <>
          <h3>Page</h3>
          <Table rows={originRows(file.origin)} />
        </>
      )}
      {Object.keys(file.metadata).length > 0 && (
        <>
          <h3>Metadata</h3>
          <Table rows={Object.entries(file.metadata)} />
        </>
      )}
    </>
  )
}

function Waiting({ file }: { file: FileDetail }): JSX.Element | null {
  const { progress, retrying } = file
  if (file.status === 'pending') {
    return <p class="note" role="status">{file.source === 'url' ? 'The import is about to begin.' : 'The bytes have not all arrived yet.'}</p>
  }
  if (file.status !== 'running') return null
  if (retrying) {
    const at = new Date(retrying.next_try_at).toLocaleTimeString()
    return <p class="note" role="status">The import failed for now: {retrying.reason}. Next try at {at}.</p>
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
    ['Deleted on', file.expires_at === null ? null : new Date(file.expires_at).toLocaleString()],
    ['Reference', file.reference],
    ...Object.entries(file.checksum ?? {}),
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}
