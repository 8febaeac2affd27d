import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { TokenBounds, UploadToken } from '../api/types.ts'
import { ErrorNote } from './error-note.tsx'

const HOUR = 3_600
const MB = 1024 * 1024

const LIFETIMES: readonly [string, number][] = [['1 hour', HOUR], ['8 hours', 8 * HOUR], ['24 hours', 24 * HOUR]]

const KINDS: readonly [string, string[]][] = [
  ['Any kind', []], ['Video', ['video/*']], ['Audio', ['audio/*']], ['Pictures', ['image/*']], ['Video, audio and pictures', ['video/*', 'audio/*', 'image/*']],
]

interface Props {
  client: Client
  onCreated: (token: UploadToken, bounds: string) => void
}

/** The bounds of a new upload token. */
export function TokenForm({ client, onCreated }: Props): JSX.Element {
  const [lifetime, setLifetime] = useState(2)
  const [kind, setKind] = useState(0)
  const [files, setFiles] = useState('')
  const [size, setSize] = useState('')
  const [label, setLabel] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const submit = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    const [words = '', ttl = HOUR] = LIFETIMES[lifetime] ?? []
    const [kindWords = '', content_types = []] = KINDS[kind] ?? []
    const bounds: TokenBounds = {
      ttl,
      ...(content_types.length > 0 && { content_types }),
      ...(files !== '' && { max_files: Number(files) }),
      ...(size !== '' && { max_size: Math.round(Number(size) * MB) }),
      ...(label.trim() !== '' && { metadata: { label: label.trim() } }),
    }
    const summary = [label.trim(), kindWords, files === '' ? '' : files === '1' ? '1 file' : `${files} files`, size === '' ? '' : `up to ${size} MB`, words]
    try {
      onCreated(await client.createUploadToken(bounds), summary.filter((word) => word !== '').join(', '))
    } catch (refused) {
      setError(refused)
      setBusy(false)
    }
  }
  return (
    <form
      class="token-form"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <label class="field">
        <span>Works for</span>
        <select value={lifetime} onChange={(event) => { setLifetime(event.currentTarget.selectedIndex); }} autofocus>
          {LIFETIMES.map(([words], index) => <option key={words} value={index}>{words}</option>)}
        </select>
      </label>
      <label class="field">
        <span>Takes</span>
        <select value={kind} onChange={(event) => { setKind(event.currentTarget.selectedIndex); }}>
          {KINDS.map(([words], index) => <option key={words} value={index}>{words}</option>)}
        </select>
      </label>
      <label class="field">
        <span>Most files</span>
        <input type="number" min={1} step={1} placeholder="Any number" value={files} onInput={(event) => { setFiles(event.currentTarget.value); }} />
      </label>
      <label class="field">
        <span>Largest file, in MB</span>
        <input type="number" min={0.001} step="any" placeholder="Any size" value={size} onInput={(event) => { setSize(event.currentTarget.value); }} />
      </label>
      <label class="field wide-field">
        <span>Label</span>
        <input type="text" maxLength={512} dir="auto" autocomplete="off" placeholder="None" value={label} onInput={(event) => { setLabel(event.currentTarget.value); }} />
        <small class="muted">Each file gets it as metadata <code>label</code>.</small>
      </label>
      <ErrorNote error={error} />
      <div class="actions"><button type="submit" class="button primary" disabled={busy}>{busy ? 'Creating…' : 'Create an upload link'}</button></div>
    </form>
  )
}
