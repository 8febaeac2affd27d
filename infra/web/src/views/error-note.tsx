import type { JSX } from 'preact'
import { ApiError, wordsOf } from '../api/client.ts'

/** An error in the server's own words, field by field where it says so, with what its operator needs to find it. */
export function ErrorNote({ error }: { error: unknown }): JSX.Element | null {
  if (error === null || error === undefined) return null
  const known = error instanceof ApiError ? error : null
  const marks = [known?.reason, known?.requestId].filter((text) => typeof text === 'string' && text !== 'unknown')
  const details = (known?.details ?? []).filter(({ message }) => message !== undefined && message !== known?.message)
  return (
    <div class="note error" role="alert">
      <p>{wordsOf(error)}</p>
      {details.length > 0 && (
        <ul class="error-details">
          {details.map(({ field, message }, index) => (
            <li key={index}>{field !== undefined && <code>{field}</code>} {message}</li>
          ))}
        </ul>
      )}
      {marks.length > 0 && <small>{marks.join(' · ')}</small>}
    </div>
  )
}
