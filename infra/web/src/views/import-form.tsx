import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { ErrorNote } from './error-note.tsx'

/** Brings a file from a URL: the server fetches it. */
export function ImportForm({ client, onDone }: { client: Client; onDone: (message: string) => void }): JSX.Element {
  const [url, setUrl] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const key = useRef(crypto.randomUUID())

  const submit = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      const file = await client.importUrl({ file_url: url.trim() }, key.current)
      setUrl('')
      onDone(`Importing ${file.name}`)
    } catch (refused) {
      setError(refused)
    }
    key.current = crypto.randomUUID()
    setBusy(false)
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
            onInput={(event) => { setUrl(event.currentTarget.value); }}
          />
          <button class="button" type="submit" disabled={busy}>{busy ? 'Importing…' : 'Import'}</button>
        </div>
      </label>
      <ErrorNote error={error} />
    </form>
  )
}
