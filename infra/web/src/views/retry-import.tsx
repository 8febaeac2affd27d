import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiError, type Client, wordsOf } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'

interface Props {
  client: Client
  file: FileSummary
  onDone: (message: string) => void
}

/** Imports the URL of a failed import again; the new file replaces the failed one. */
export function RetryImport({ client, file, onDone }: Props): JSX.Element {
  const [busy, setBusy] = useState(false)
  const retry = async (): Promise<void> => {
    setBusy(true)
    try {
      await importAgain(client, file)
      onDone(`Importing ${file.name} again`)
    } catch (error) {
      onDone(`${file.name}: ${wordsOf(error)}`)
    }
    setBusy(false)
  }
  return (
    <button type="button" class="button small" disabled={busy} aria-label={`Retry ${file.name}`} onClick={() => void retry()}>Retry</button>
  )
}

async function importAgain(client: Client, { id, name }: FileSummary): Promise<void> {
  const { source_url, metadata } = await client.get(id)
  if (source_url === null) throw new Error('The source of this import is unknown.')
  // A name that only repeats the URL's is left to the import, which may find a better one.
  const given = nameIn(source_url) === name ? {} : { name }
  const kept = Object.keys(metadata).length > 0 ? { metadata } : {}
  await client.importUrl({ file_url: source_url, ...given, ...kept }, crypto.randomUUID())
  try {
    await client.remove(id)
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error // this key may not delete: both stay
  }
}

function nameIn(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
