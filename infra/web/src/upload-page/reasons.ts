import { ApiError, UnreachableError, wordsOf } from '../api/client.ts'
import { bytes } from '../format.ts'

/** A refusal for a customer, who knows no tokens, quotas and media types. */
export interface Explained {
  message: string
  /** Whether trying again can help. */
  retry: boolean
}

const BY_REASON: Readonly<Record<string, Explained>> = {
  upload_token_used_up: { message: 'No more files are accepted here: the number that was agreed is reached.', retry: false },
  quota_exceeded: { message: 'The recipient has no room for this file. Please tell them, and try again later.', retry: true },
  too_many_at_once: { message: 'The recipient gets too many files at the moment. Try again in a minute.', retry: true },
  parts_gone: { message: 'This upload has ended before it was complete. Try again to start over.', retry: true },
  upload_over: { message: 'This upload has ended before it was complete. Try again to start over.', retry: true },
}

/** Explains why an upload failed: by the reason that the API gives, else by the status. */
export function explain(error: unknown): Explained {
  if (error instanceof UnreachableError) return { message: 'There is no connection. Check your network, then try again.', retry: true }
  if (!(error instanceof ApiError)) return { message: wordsOf(error), retry: true } // of the storage, or of the connection to it
  return BY_REASON[error.reason] ?? byStatus(error)
}

/** Whether the token itself is refused, so that nothing more can be uploaded with it. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401
}

function byStatus(error: ApiError): Explained {
  const { status, reason, message } = error
  if (status === 401) return { message: 'The permission to upload here has ended.', retry: false }
  if (status === 403) return { message: `This is not accepted here. ${message}.`, retry: false }
  if (status === 404) return BY_REASON.upload_over ?? { message, retry: true }
  if (status === 413) return { message: tooLarge(message), retry: false }
  if (status === 415 || reason === 'invalid_content_type') return { message: 'Files of this kind are not accepted here.', retry: false }
  if (status === 429) return { message: 'Too much at once. Try again in a minute.', retry: true }
  if (status >= 500) return { message: 'The service has a problem at the moment. Try again in a few minutes.', retry: true }
  return { message, retry: false }
}

/** With the limit in units for people, where the message has one. */
function tooLarge(message: string): string {
  const [, most] = /at most (\d+) bytes/.exec(message) ?? []
  return most === undefined ? 'This file is too large to be accepted here.' : `This file is too large: at most ${bytes(Number(most))} are accepted.`
}
