import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Client } from '../api/client.ts'
import { type Connection, readBase, usualBase } from '../api/connection.ts'
import { ErrorNote } from './error-note.tsx'
import { Logo } from './icons.tsx'

const ALL = { status: '', type: '', source: '', order: 'desc' } as const

/** The form for the API's address and key; it is left once the API has accepted them. */
export function Connect({ onConnect }: { onConnect: (to: Connection) => void }): JSX.Element {
  const [base, setBase] = useState(usualBase)
  const [key, setKey] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)

  const first = useRef<HTMLInputElement>(null)
  useEffect(() => { first.current?.focus(); }, [])

  const submit = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      const connection = { base: readBase(base), key: key.trim() }
      await new Client(connection).list(ALL, null, 1, { attempts: 2 })
      onConnect(connection)
    } catch (refused) {
      setError(refused)
      setBusy(false)
    }
  }
  return (
    <main class="connect">
      <form
        class="card connect-card"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <div class="connect-head">
          <Logo size={44} />
          <h1>Files</h1>
          <p class="muted">Upload, import, look into and play media.</p>
        </div>
        <label class="field">
          <span>API key</span>
          <input
            ref={first}
            type="password"
            name="key"
            required
            autocomplete="off"
            spellcheck={false}
            placeholder="fm_…"
            value={key}
            onInput={(event) => { setKey(event.currentTarget.value); }}
          />
          <small class="muted">
            Stays in this tab and is gone with it. The local cloud prints one when it starts, and keeps it in <code>.local/api-key</code>.
          </small>
        </label>
        <label class="field">
          <span>API address</span>
          <input type="url" name="base" required spellcheck={false} value={base} onInput={(event) => { setBase(event.currentTarget.value); }} />
        </label>
        <ErrorNote error={error} />
        <button class="button primary wide" type="submit" disabled={busy}>
          {busy ? 'Connecting…' : 'Connect'}
        </button>
      </form>
    </main>
  )
}
