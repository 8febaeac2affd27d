import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { Preview } from '../api/types.ts'
import { ErrorNote } from './error-note.tsx'
import { PreviewCard } from './preview-card.tsx'

/** Brings a file from a URL: the server fetches it. */
export function ImportForm({ client, onDone }: { client: Client; onDone: (message: string) => void }): JSX.Element {
  const [url, setUrl] = useState('')
  const [busy, setBusy] = useState(false)
  const [looking, setLooking] = useState(false)
  const [preview, setPreview] = useState<Preview | null>(null)
  const [error, setError] = useState<unknown>(null)
  const key = useRef(crypto.randomUUID())

  const submit = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      const file = await client.importUrl({ file_url: url.trim() }, key.current)
      setUrl('')
      setPreview(null)
      onDone(`Importing ${file.name}`)
    } catch (refused) {
      setError(refused)
    }
    key.current = crypto.randomUUID()
    setBusy(false)
  }
  const wanted = useRef('')
  const look = async (): Promise<void> => {
    const asked = url.trim()
    wanted.current = asked
    setLooking(true)
    setError(null)
    setPreview(null)
    try {
      const found = await client.preview({ file_url: asked })
      if (wanted.current === asked) setPreview(found)
    } catch (refused) {
      if (wanted.current === asked) setError(refused)
    }
    setLooking(false)
  }
  const change = (text: string): void => {
    wanted.current = ''
    setUrl(text)
    setPreview(null)
  }
  return (
    <form
      class="card import"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <label class="field">
        <span>Import from a URL</span>
        <div class="row-of-two">
          <input
            type="text"
            inputMode="url"
            name="url"
            required
            autocomplete="off"
            spellcheck={false}
            placeholder="https://example.com/clip.mp4"
            value={url}
            onInput={(event) => { change(event.currentTarget.value); }}
          />
          <button class="button quiet" type="button" disabled={looking || url.trim() === ''} onClick={() => void look()}>{looking ? 'Looking…' : 'Preview'}</button>
          <button class="button" type="submit" disabled={busy}>{busy ? 'Importing…' : 'Import'}</button>
        </div>
      </label>
      <ErrorNote error={error} />
      {preview !== null && <PreviewCard preview={preview} />}
    </form>
  )
}
