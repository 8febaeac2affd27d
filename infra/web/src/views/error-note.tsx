import type { JSX } from 'preact'
import { ApiError, wordsOf } from '../api/client.ts'

/** An error in the server's own words, with what its operator needs to find it. */
export function ErrorNote({ error }: { error: unknown }): JSX.Element | null {
  if (error === null || error === undefined) return null
  const details = error instanceof ApiError ? [error.reason, error.requestId].filter((text) => text !== null && text !== 'unknown') : []
  return (
    <div class="note error" role="alert">
      <p>{wordsOf(error)}</p>
      {details.length > 0 && <small>{details.join(' · ')}</small>}
    </div>
  )
}
