import AwsS3 from '@uppy/aws-s3'
import { ApiError } from '../api/client.ts'
import { DELAYS, pause, waitBefore } from '../api/retry.ts'

/** The parameters of one PUT, as Uppy's uploader passes them. */
export type Bytes = Parameters<typeof AwsS3.uploadPartBytes>[0]
export type Stored = Awaited<ReturnType<typeof AwsS3.uploadPartBytes>>

/** Milliseconds without progress after which a PUT is aborted and retried. */
const STALLED_AFTER = 120_000

/** An error by whose status the uploader decides whether to retry a PUT. */
interface Refusal extends Error {
  source?: { status: number; responseText?: string }
}

/** Status 0, a response that is missing or unreadable, may be a network error: it is retried. */
function refusal(message: string, status: number): Refusal {
  return Object.assign(new Error(message), { source: { status } })
}

/** Sends one part. The status of the error makes the uploader sign again, retry or fail. */
export async function putPart(bytes: Bytes): Promise<Stored> {
  const attempt = new AbortController()
  let timer = setTimeout(() => undefined, 0)
  const moved = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => { attempt.abort(); }, STALLED_AFTER)
  }
  const signal = bytes.signal === undefined ? attempt.signal : AbortSignal.any([bytes.signal, attempt.signal])
  const onProgress = (event: unknown): void => {
    moved()
    ;(bytes.onProgress as (event: unknown) => void)(event)
  }
  moved()
  try {
    return await AwsS3.uploadPartBytes({ ...bytes, onProgress, signal })
  } catch (error) {
    if (attempt.signal.aborted) throw refusal('No byte moved for two minutes.', 0)
    throw inWords(error as Refusal)
  } finally {
    clearTimeout(timer)
  }
}

/** Sends a whole file. Retries here, because the uploader does not; `sign` returns a new URL. */
export async function putWhole(bytes: Bytes, sign: () => Promise<{ url: string; headers: Record<string, string> }>): Promise<Stored> {
  let signature = bytes.signature
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await putPart({ ...bytes, signature })
    } catch (error) {
      const status = (error as Refusal).source?.status
      // An earlier attempt whose response was lost has stored the bytes: the URL is valid for one object only.
      if (status === 412) return stored(bytes)
      const final = status === undefined || (status >= 400 && status < 500 && ![403, 409, 429].includes(status))
      if (final || attempt > DELAYS.length) throw error
      await pause(waitBefore(attempt), bytes.signal)
      if (status !== 403) continue
      try {
        signature = { ...signature, ...(await sign()) }
      } catch (refused) {
        if (refused instanceof ApiError && refused.reason === 'upload_over') return stored(bytes)
        throw refused
      }
    }
  }
}

function stored(bytes: Bytes): Stored {
  ;(bytes.onComplete as (etag: string) => void)('')
  return { ETag: '' }
}

/**
 * Replaces the uploader's message by the storage's. A 403 on a presigned URL means that it has expired (after its hour, or earlier
 * with the credentials that signed it): the uploader signs again on exactly this message.
 */
function inWords(error: Refusal): Refusal {
  const { source } = error
  if (source === undefined) return error
  if (source.status === 403) return refusal('Request has expired', 403)
  if (source.status === 0) return refusal('The connection to the storage was lost.', 0)
  // Not an XML parser: the browser's own puts what it cannot parse into a document with styles, which the policy forbids.
  const [, text] = /<Message>([^<]+)<\/Message>/.exec(source.responseText ?? '') ?? []
  return refusal(text ?? `The storage responded with ${source.status.toString()}.`, source.status)
}
