import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { inParallel } from '../api/pool.ts'
import type { Preview } from '../api/types.ts'
import { entriesIn } from '../urls.ts'
import { ErrorNote } from './error-note.tsx'
import { PreviewCard } from './preview-card.tsx'

/** Imports that are created at the same time. */
const AT_ONCE = 4

/** The height that the field grows to, in pixels. */
const HIGHEST = 200

interface Props {
  client: Client
  /** URLs that were dropped or pasted elsewhere. */
  offered: readonly string[]
  onDone: (message: string) => void
}

interface Refusal {
  url: string
  error: unknown
}

/** Imports files from URLs, one per line: the server fetches them. */
export function ImportForm({ client, offered, onDone }: Props): JSX.Element {
  const [text, setText] = useState('')
  const { busy, refusals, run } = useImports(client, onDone)
  const field = useRef<HTMLTextAreaElement>(null)
  const entries = entriesIn(text)
  const { preview, looking, error, look, forget } = usePreview(client)
  const change = (to: string): void => {
    setText(to)
    forget()
  }
  useEffect(() => {
    if (offered.length === 0) return
    change(offered.join('\n'))
    field.current?.focus()
  }, [offered])

  useLayoutEffect(() => { if (field.current !== null) fit(field.current) }, [text])

  const submit = async (): Promise<void> => {
    if (entries.length === 0 || busy) return
    forget()
    setText((await run(entries)).join('\n'))
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
        <span>Import from URLs</span>
        <textarea
          ref={field}
          name="url"
          inputMode="url"
          rows={1}
          autocomplete="off"
          spellcheck={false}
          placeholder="https://example.com/clip.mp4"
          value={text}
          onInput={(event) => { change(event.currentTarget.value); }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey) return
            event.preventDefault()
            event.currentTarget.form?.requestSubmit()
          }}
        />
      </label>
      <div class="actions">
        <button class="button" type="submit" disabled={busy || entries.length === 0}>
          {busy ? 'Importing…' : entries.length > 1 ? `Import ${entries.length.toString()}` : 'Import'}
        </button>
        <button class="button quiet" type="button" disabled={looking || entries.length !== 1} onClick={() => { look(entries[0] ?? ''); }}>
          {looking ? 'Looking…' : 'Preview'}
        </button>
        <small class="muted where-dropped">Shift + Enter for several</small>
      </div>
      <ErrorNote error={error} />
      {refusals.map((refusal) => (
        <div key={refusal.url}>
          {refusals.length > 1 && <p class="refused-url"><bdi>{refusal.url}</bdi></p>}
          <ErrorNote error={refusal.error} />
        </div>
      ))}
      {preview !== null && <PreviewCard preview={preview} />}
    </form>
  )
}

/** As high as its text, so that all of a long URL is seen. */
function fit(field: HTMLTextAreaElement): void {
  field.style.height = 'auto'
  const borders = field.offsetHeight - field.clientHeight
  field.style.height = `${Math.min(HIGHEST, field.scrollHeight + borders).toString()}px`
}

interface Importing {
  busy: boolean
  refusals: Refusal[]
  /** Imports all URLs; returns those that were refused. */
  run: (urls: string[]) => Promise<string[]>
}

/** Imports several URLs at once, and keeps why some were refused. */
function useImports(client: Client, onDone: (message: string) => void): Importing {
  const [busy, setBusy] = useState(false)
  const [refusals, setRefusals] = useState<Refusal[]>([])
  const run = async (urls: string[]): Promise<string[]> => {
    setBusy(true)
    setRefusals([])
    const names: string[] = []
    const refused: Refusal[] = []
    await inParallel(urls, AT_ONCE, async (url) => {
      try {
        names.push((await client.importUrl({ file_url: url }, crypto.randomUUID())).name)
      } catch (error) {
        refused.push({ url, error })
      }
    })
    setRefusals(refused)
    setBusy(false)
    if (names.length > 0) onDone(names.length === 1 ? `Importing ${names[0] ?? ''}` : `Importing ${names.length.toString()} files`)
    return refused.map(({ url }) => url)
  }
  return { busy, refusals, run }
}

interface Previewing {
  preview: Preview | null
  looking: boolean
  error: unknown
  look: (url: string) => void
  forget: () => void
}

/** The preview of the last URL that was asked for. */
function usePreview(client: Client): Previewing {
  const [state, setState] = useState<{ preview: Preview | null; looking: boolean; error: unknown }>({ preview: null, looking: false, error: null })
  const asked = useRef(0)
  const look = (url: string): void => {
    const turn = (asked.current += 1)
    const tell = (preview: Preview | null, error: unknown): void => {
      if (asked.current === turn) setState({ preview, looking: false, error })
    }
    setState({ preview: null, looking: true, error: null })
    client.preview({ file_url: url }).then((preview) => { tell(preview, null); }, (error: unknown) => { tell(null, error); })
  }
  const forget = (): void => {
    asked.current += 1
    setState({ preview: null, looking: false, error: null })
  }
  return { ...state, look, forget }
}
