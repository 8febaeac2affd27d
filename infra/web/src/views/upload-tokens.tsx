import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiError, type Client } from '../api/client.ts'
import type { UploadToken } from '../api/types.ts'
import { usualBase } from '../api/connection.ts'
import { date } from '../format.ts'
import { type KeptToken, forgetToken, keepToken, keptTokens, linkOf, snippetOf, uploadPage } from '../upload-link.ts'
import { CopyButton } from './copy-button.tsx'
import { Dialog } from './dialog.tsx'
import { ErrorNote } from './error-note.tsx'
import { Icon } from './icons.tsx'
import { TokenForm } from './token-form.tsx'

interface Props {
  client: Client
  onClose: () => void
  onDone: (message: string) => void
}

/** Creates upload tokens, with which others upload without a key, and deletes them. */
export function UploadTokens({ client, onClose, onDone }: Props): JSX.Element {
  const [created, setCreated] = useState<UploadToken | null>(null)
  const [kept, setKept] = useState(() => keptTokens(client.base))
  const [error, setError] = useState<unknown>(null)
  const add = (token: UploadToken, bounds: string): void => {
    keepToken({ id: token.id, base: client.base, expires_at: token.expires_at, bounds })
    setCreated(token)
    setKept(keptTokens(client.base))
  }
  const remove = async ({ id }: KeptToken): Promise<void> => {
    setError(null)
    try {
      await client.deleteUploadToken(id)
    } catch (refused) {
      if (!(refused instanceof ApiError && refused.status === 404)) {
        setError(refused)
        return
      }
    }
    forgetToken(id)
    setKept(keptTokens(client.base))
    if (created?.id === id) setCreated(null)
    onDone('Upload link deleted')
  }
  return (
    <Dialog label="Upload links" class="dialog sheet" onClose={onClose}>
      <div class="sheet-head">
        <h2>Upload links</h2>
        <button type="button" class="button quiet square" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </div>
      <p class="muted">Others upload with a link, within its bounds, and see nothing. They need no key.</p>
      {created === null
        ? <TokenForm client={client} onCreated={add} />
        : <Created client={client} created={created} onAnother={() => { setCreated(null); }} />}
      {kept.length > 0 && <h3>Created in this tab</h3>}
      <ul class="tokens" aria-label="Upload links of this tab">
        {kept.map((token) => (
          <li key={token.id}>
            <span class="grow">
              <code>{token.id.slice(0, 8)}</code> <span>{token.bounds}</span>
              <small class="muted">Until {date(token.expires_at)}</small>
            </span>
            <button type="button" class="button small danger quiet" aria-label={`Delete the link ${token.id.slice(0, 8)}`} onClick={() => void remove(token)}>Delete</button>
          </li>
        ))}
      </ul>
      <ErrorNote error={error} />
    </Dialog>
  )
}

/** The token, shown only once, as a link, as code and by itself. */
function Created({ client, created, onAnother }: { client: Client; created: UploadToken; onAnother: () => void }): JSX.Element {
  const page = uploadPage()
  const elsewhere = usualBase() !== client.base
  return (
    <div class="created" role="group" aria-label="New upload link">
      <p class="note" role="status">Copy it now: it is shown this once. It works until {date(created.expires_at)}.</p>
      {elsewhere && (
        <p class="note">
          The upload page beside this web app uses {usualBase()}. For {client.base}, put a copy of <code>upload.html</code> on a host of yours and name the API in it.
        </p>
      )}
      <ul class="use-it">
        <Line name="Link" text={linkOf(page, created.token)} />
        <Line name="HTML" text={snippetOf(page, created.token)} />
        <Line name="Token" text={created.token} />
      </ul>
      <div class="actions"><button type="button" class="button" onClick={onAnother}>Create another</button></div>
    </div>
  )
}

function Line({ name, text }: { name: string; text: string }): JSX.Element {
  return (
    <li>
      <span class="grow">
        <span class="use-name">{name}</span>
        <code>{text.split('\n')[0] === text ? text : 'A piece of HTML for your page'}</code>
      </span>
      <CopyButton label={`Copy ${name}`} text={text} small />
    </li>
  )
}
