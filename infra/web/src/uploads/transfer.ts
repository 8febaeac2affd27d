import AwsS3 from '@uppy/aws-s3'
import { ApiError } from '../api/client.ts'
import { DELAYS, pause, waitBefore } from '../api/retry.ts'

/** What Uppy's uploader hands over for one PUT. */
export type Bytes = Parameters<typeof AwsS3.uploadPartBytes>[0]
export type Stored = Awaited<ReturnType<typeof AwsS3.uploadPartBytes>>

/** A PUT on which no byte moves for so long is given up, in milliseconds, and tried again. */
const STALLED_AFTER = 120_000

/** The uploader tries a PUT again by the status in here. */
interface Refusal extends Error {
  source?: { status: number; responseText?: string }
}

/** Without a readable answer it may be the network: status 0 is tried again. */
function refusal(message: string, status: number): Refusal {
  return Object.assign(new Error(message), { source: { status } })
}

/** One PUT of a part. What it fails with tells the uploader whether to sign again, to try again or to give up. */
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

/** One PUT of a whole file: tried again here, for the uploader does not; `sign` gives a fresh URL. */
export async function putWhole(bytes: Bytes, sign: () => Promise<{ url: string; headers: Record<string, string> }>): Promise<Stored> {
  let signature = bytes.signature
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await putPart({ ...bytes, signature })
    } catch (error) {
      const status = (error as Refusal).source?.status
      // An earlier attempt whose answer was lost has stored the bytes: the URL is good for one object only.
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
 * The storage's own words instead of the uploader's. A 403 on a URL of ours means that it has died (with its hour, or
 * earlier with the role that signed it): the message is the one upon which the uploader signs again.
 */
function inWords(error: Refusal): Refusal {
  const { source } = error
  if (source === undefined) return error
  if (source.status === 403) return refusal('Request has expired', 403)
  if (source.status === 0) return refusal('The connection to the storage was lost.', 0)
  // Not an XML parser: the browser's own puts what it cannot parse into a document with styles, which the policy forbids.
  const [, text] = /<Message>([^<]+)<\/Message>/.exec(source.responseText ?? '') ?? []
  return refusal(text ?? `The storage answered ${source.status.toString()}.`, source.status)
}
