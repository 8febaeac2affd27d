import type { JSX } from 'preact'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Client } from '../api/client.ts'
import { type Remembered, Memory } from '../uploads/memory.ts'
import type { UploadRow } from '../uploads/rows.ts'
import { stillWaits } from '../uploads/session.ts'
import { type Uploaded, Uploads } from '../uploads/uppy.ts'
import { DropAnywhere } from '../views/drop-anywhere.tsx'
import { Icon } from '../views/icons.tsx'
import { NetworkNote } from '../views/network-note.tsx'
import { Embedder } from './embedder.ts'
import { isExpired } from './reasons.ts'
import { Rows } from './rows.tsx'
import { useGrant } from './use-grant.ts'

/** Uploads files with an upload token; has no library and no API key. */
export function UploadPage({ base }: { base: string }): JSX.Element {
  const embedder = useMemo(() => new Embedder(), [])
  const { grant, refused } = useGrant(embedder)
  if (grant !== null) return <Taking base={base} token={grant.token} embedder={embedder} />
  const embedded = window.parent !== window
  return (
    <main class="page">
      <h1>Upload files</h1>
      {refused !== null
        ? <p class="note error" role="alert">{refused}</p>
        : <p class="note" role="status">{embedded ? 'One moment…' : 'This page needs the link that you were sent, complete.'}</p>}
    </main>
  )
}

interface Props {
  base: string
  token: string
  embedder: Embedder
}

function Taking({ base, token, embedder }: Props): JSX.Element {
  const client = useMemo(() => new Client({ base, key: token }), [base, token])
  const first = useRef(client)
  const uploads = useMemo(() => new Uploads(first.current, () => undefined, new Memory(() => sessionStorage)), [])
  const { rows, sent } = useRows(uploads, embedder)
  const expired = rows.some(({ error }) => isExpired(error))
  useEffect(() => {
    uploads.useClient(client)
    for (const row of uploads.rows()) if (isExpired(row.error)) uploads.retry(row)
  }, [uploads, client])
  useEffect(() => { if (expired) embedder.send({ type: 'files:expired' }) }, [embedder, expired])
  useLeaveQuestion(rows.some(({ state }) => state === 'sending'))
  const cut = useInterrupted(uploads, client)
  const add = useCallback((files: File[]) => { uploads.add(files); }, [uploads])
  return (
    <main class="page">
      <h1>Upload files</h1>
      <NetworkNote client={client} onBack={nothing} />
      {expired
        ? <p class="note error" role="alert">{EXPIRED}</p>
        : <Chooser onFiles={add} />}
      {cut.length > 0 && !expired && <Interrupted uploads={cut} />}
      <Rows uploads={uploads} rows={rows} sent={sent} />
      {!expired && <DropAnywhere onFiles={add} />}
    </main>
  )
}

const EXPIRED = window.parent === window
  ? 'This upload page has expired. Ask for a new link. What has arrived is kept.'
  : 'This upload page has expired. Reload the page to continue. What has arrived is kept.'

const nothing = (): void => undefined

function Chooser({ onFiles }: { onFiles: (files: File[]) => void }): JSX.Element {
  const chosen = (input: HTMLInputElement): void => {
    onFiles([...(input.files ?? [])])
    input.value = '' // so that the same file can be chosen again
  }
  return (
    <div class="chooser">
      <Icon name="upload" />
      <label class="button primary">
        Choose files
        <input type="file" multiple class="unseen" onChange={(event) => { chosen(event.currentTarget); }} />
      </label>
      <p class="where-dropped">or drop them here</p>
    </div>
  )
}

function Interrupted({ uploads }: { uploads: Remembered[] }): JSX.Element {
  return (
    <div class="note" role="status">
      <p>Not finished yet. Choose the same file again to continue: what has arrived is kept.</p>
      <ul>{uploads.map(({ id, name }) => <li key={id}><bdi class="name">{name}</bdi></li>)}</ul>
    </div>
  )
}

/** The uploads of this page, the files that are stored, and telling the embedding page of them. */
function useRows(uploads: Uploads, embedder: Embedder): { rows: UploadRow[]; sent: Uploaded[] } {
  const [rows, setRows] = useState<UploadRow[]>([])
  const [sent, setSent] = useState<Uploaded[]>([])
  useEffect(() => {
    uploads.onUploaded = (file) => {
      setSent((before) => [...before, file])
      embedder.send({ type: 'files:uploaded', file })
    }
    return uploads.board.subscribe(() => { setRows(uploads.rows().filter(({ state }) => state !== 'done')); })
  }, [uploads, embedder])
  return { rows, sent }
}

/** Uploads that a reload cut short and that still wait. */
function useInterrupted(uploads: Uploads, client: Client): Remembered[] {
  const [found, setFound] = useState<Remembered[]>([])
  useEffect(() => {
    const stop = new AbortController()
    const look = async (): Promise<void> => {
      const running = new Set(uploads.board.ids())
      for (const upload of uploads.memory.remembered(client.base).filter(({ id }) => !running.has(id))) {
        if (await stillWaits(client, uploads.memory, upload, stop.signal)) setFound((before) => [...before.filter(({ id }) => id !== upload.id), upload])
      }
    }
    look().catch(nothing) // choosing the file says what is wrong
    const end = uploads.board.subscribe(() => {
      const running = new Set(uploads.board.ids())
      setFound((before) => (before.some(({ id }) => running.has(id)) ? before.filter(({ id }) => !running.has(id)) : before))
    })
    return () => {
      stop.abort()
      end()
    }
  }, [uploads, client])
  return found
}

/** Lets the browser ask before a page with running uploads is left. */
function useLeaveQuestion(active: boolean): void {
  useEffect(() => {
    if (!active) return undefined
    const stop = new AbortController()
    addEventListener('beforeunload', (event) => { event.preventDefault(); }, { signal: stop.signal })
    return () => { stop.abort(); }
  }, [active])
}
