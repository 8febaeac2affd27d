import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { type Client, wordsOf } from '../api/client.ts'
import { bytes } from '../format.ts'
import type { Remembered } from '../uploads/memory.ts'
import { stillWaits } from '../uploads/session.ts'
import type { Uploads } from '../uploads/uppy.ts'

interface Props {
  client: Client
  uploads: Uploads
  version: number
}

/** Uploads that a reload or a crash interrupted. Choosing the same file resumes the upload with the missing parts. */
export function Interrupted({ client, uploads, version }: Props): JSX.Element | null {
  const [found, setFound] = useState<Remembered[]>([])
  const [problem, setProblem] = useState('')
  useEffect(() => {
    const asked = new AbortController()
    const look = async (): Promise<void> => {
      const running = new Set(uploads.board.ids())
      const waiting: Remembered[] = []
      for (const upload of uploads.memory.remembered(client.base).filter(({ id }) => !running.has(id))) {
        if (await stillWaits(client, uploads.memory, upload, asked.signal)) waiting.push(upload)
      }
      if (!asked.signal.aborted) setFound(waiting)
    }
    look().catch(() => undefined) // the library shows that the API does not respond
    return () => { asked.abort(); }
  }, [client, uploads, version])
  useEffect(
    () =>
      uploads.board.subscribe(() => {
        const running = new Set(uploads.board.ids())
        setFound((before) => (before.some(({ id }) => running.has(id)) ? before.filter(({ id }) => !running.has(id)) : before))
      }),
    [uploads],
  )

  const resume = (upload: Remembered, file: File | undefined): void => {
    setProblem('')
    if (file === undefined) return
    if (file.name !== upload.name || file.size !== upload.size) {
      setProblem(`That is another file: this upload is of ${upload.name}, ${bytes(upload.size)}.`)
      return
    }
    uploads.add([file])
  }
  const discard = async (upload: Remembered): Promise<void> => {
    setProblem('')
    try {
      await client.remove(upload.id)
      uploads.memory.forget(upload.id)
      setFound((before) => before.filter(({ id }) => id !== upload.id))
    } catch (error) {
      setProblem(wordsOf(error))
    }
  }
  if (found.length === 0) return null
  return (
    <div class="card interrupted">
      <h2>Interrupted</h2>
      <p class="muted">Choose the same file again: only the missing parts are sent.</p>
      <ul>
        {found.map((upload) => (
          <li key={upload.id}>
            <span class="grow">
              <bdi class="name">{upload.name}</bdi> <small class="muted">{bytes(upload.size)}</small>
            </span>
            <label class="button small">
              Choose…
              <input
                type="file"
                class="unseen"
                aria-label={`Choose ${upload.name} again`}
                onChange={(event) => { resume(upload, event.currentTarget.files?.[0]); }}
              />
            </label>
            <button type="button" class="button small quiet" aria-label={`Discard ${upload.name}`} onClick={() => void discard(upload)}>
              Discard
            </button>
          </li>
        ))}
      </ul>
      {problem !== '' && <p class="note error" role="alert">{problem}</p>}
    </div>
  )
}
