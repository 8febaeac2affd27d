import type { JSX } from 'preact'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Client } from '../api/client.ts'
import type { Connection } from '../api/connection.ts'
import { useRoute } from '../route.ts'
import { Uploads } from '../uploads/uppy.ts'
import { AddFiles } from './add-files.tsx'
import { Details } from './details.tsx'
import { DropAnywhere } from './drop-anywhere.tsx'
import { Logo } from './icons.tsx'
import { ImportForm } from './import-form.tsx'
import { Interrupted } from './interrupted.tsx'
import { Library } from './library.tsx'
import { NetworkNote } from './network-note.tsx'
import { UploadTokens } from './upload-tokens.tsx'

/** How long a message stays, in milliseconds. */
const SHOWN_FOR = 6_000

interface Props {
  connection: Connection
  onDisconnect: () => void
}

/** Everything behind the key: adding files, the library, one file's details. */
export function Workspace({ connection, onDisconnect }: Props): JSX.Element {
  const client = useMemo(() => new Client(connection), [connection])
  const [version, setVersion] = useState(0)
  const [offered, setOffered] = useState<string[]>([])
  const [linking, setLinking] = useState(false)
  const navigation = useRoute()
  const opened = navigation.route.file
  const [message, tell] = useMessage()
  const changed = useCallback(() => { setVersion((before) => before + 1); }, [])
  const uploads = useMemo(() => new Uploads(client, changed), [client, changed])
  useEffect(() => () => { uploads.destroy(); }, [uploads])
  const added = useCallback((files: File[]) => { uploads.add(files); }, [uploads])

  const done = (text: string): void => {
    tell(text)
    changed()
  }
  return (
    <>
      <header class="top">
        <div class="brand">
          <Logo size={28} />
          <span>Files</span>
        </div>
        <span class="muted base" title={connection.base}>{new URL(connection.base).host}</span>
        <button type="button" class="button quiet" onClick={() => { setLinking(true); }}>Upload links</button>
        <button type="button" class="button quiet" onClick={onDisconnect}>Disconnect</button>
      </header>
      <NetworkNote client={client} onBack={changed} />
      <main class="workspace">
        <section class="add" aria-label="Add files">
          <Interrupted client={client} uploads={uploads} version={version} />
          <AddFiles uploads={uploads} />
          <ImportForm client={client} offered={offered} onDone={done} />
        </section>
        <Library client={client} version={version} navigation={navigation} onDone={done} />
      </main>
      {opened !== null && (
        <Details
          client={client}
          key={opened}
          id={opened}
          onClose={navigation.close}
          onDone={done}
        />
      )}
      {linking && <UploadTokens client={client} onClose={() => { setLinking(false); }} onDone={tell} />}
      <DropAnywhere onFiles={added} onUrls={setOffered} />
      <div class="toast" role="status" aria-live="polite">{message !== '' && <span>{message}</span>}</div>
    </>
  )
}

function useMessage(): [string, (text: string) => void] {
  const [message, setMessage] = useState('')
  const timer = useRef(0)
  const tell = (text: string): void => {
    clearTimeout(timer.current)
    setMessage(text)
    timer.current = window.setTimeout(() => { setMessage(''); }, SHOWN_FOR)
  }
  return [message, tell]
}
