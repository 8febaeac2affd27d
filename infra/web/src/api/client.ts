import type { Change } from '../changes.ts'
import type { Connection } from './connection.ts'
import { Network } from './network.ts'
import { DELAYS, abortReason, online, pause, waitBefore } from './retry.ts'
import type { CreatedFile, DeletionResult, ErrorBody, FileDetail, Page, PartsPage, Preview, SignedPart, SinglePut, StoredPart, TokenBounds, UploadToken, Usage } from './types.ts'

/** An error response, with the server's message. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly reason: string
  readonly requestId: string | null
  /** What is wrong, field by field. */
  readonly details: readonly { field?: string; message?: string }[]

  constructor(status: number, body: ErrorBody) {
    super(body.message ?? `The server responded with ${status.toString()} and no message.`)
    this.status = status
    this.reason = body.reason ?? 'unknown'
    this.requestId = body.request_id ?? null
    this.details = Array.isArray(body.details) ? body.details : []
  }
}

/** The server did not respond. */
export class UnreachableError extends Error {
  override name = 'UnreachableError'
}

interface Call {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** Attempts in all. */
  attempts?: number
}

export interface Filters {
  status: string
  type: string
  source: string
  order: 'desc' | 'asc'
}

/** The body of the request that creates a presigned upload. */
export interface Announcement {
  name: string
  size: number
  content_type?: string
  multipart?: true
  metadata?: Record<string, string>
}

/**
 * The API. Every call is idempotent (a creation by its idempotency key), so every call is retried if there is no response, or a
 * status that a retry may change.
 */
export class Client {
  readonly network: Network
  readonly #connection: Connection
  /** The ETags of the files that were read. */
  readonly #etags = new WeakMap<FileDetail, string>()

  constructor(connection: Connection, network = new Network()) {
    this.#connection = connection
    this.network = network
  }

  /** The same API with another key. */
  withKey(key: string): Client {
    return new Client({ ...this.#connection, key }, this.network)
  }

  /** The upload token that takes the place of the key. */
  get uploadToken(): string | undefined {
    return this.#connection.key.startsWith('fmu_') ? this.#connection.key : undefined
  }

  get base(): string {
    return this.#connection.base
  }

  list(filters: Filters, cursor: string | null, limit: number, call: Call = {}): Promise<Page> {
    const query = new URLSearchParams({ limit: limit.toString(), order: filters.order })
    for (const name of ['status', 'type', 'source'] as const) {
      if (filters[name] !== '') query.set(name, filters[name])
    }
    if (cursor !== null) query.set('cursor', cursor)
    return this.#json(`/files?${query.toString()}`, call)
  }

  get(id: string, call: Call & { wait?: number } = {}): Promise<FileDetail> {
    const query = call.wait === undefined ? '' : `?wait=${call.wait.toString()}`
    return this.#versioned(`/files/${id}${query}`, call)
  }

  /** Changes a file unless it has changed since it was read: a 412. */
  update(file: FileDetail, change: Change): Promise<FileDetail> {
    const etag = this.#etags.get(file)
    return this.#versioned(`/files/${file.id}`, { method: 'PATCH', body: change, ...(etag !== undefined && { headers: { 'If-Match': etag } }) })
  }

  importUrl(body: { file_url: string; name?: string; metadata?: Record<string, string> }, idempotencyKey: string): Promise<CreatedFile> {
    return this.#json('/files', { method: 'POST', body, headers: { 'Idempotency-Key': idempotencyKey } })
  }

  preview(body: { file_url: string }, call: Call = {}): Promise<Preview> {
    return this.#json('/preview', { ...call, method: 'POST', body })
  }

  announce(body: Announcement, idempotencyKey: string, call: Call = {}): Promise<CreatedFile> {
    return this.#json('/files', { ...call, method: 'POST', body, headers: { 'Idempotency-Key': idempotencyKey } })
  }

  /** A fresh URL for the one PUT. */
  async sign(id: string, call: Call = {}): Promise<SinglePut> {
    const response = await this.#json<SinglePut | { upload: SinglePut }>(`/uploads/${id}/sign`, { ...call, method: 'POST' })
    return 'upload' in response ? response.upload : response
  }

  async signParts(id: string, numbers: number[], call: Call = {}): Promise<SignedPart[]> {
    const body = { part_numbers: numbers }
    const response = await this.#json<{ parts: SignedPart[] }>(`/uploads/${id}/parts`, { ...call, method: 'POST', body })
    return response.parts
  }

  /** All parts that are stored, and the size of each but the last. */
  async storedParts(id: string, call: Call = {}): Promise<{ parts: StoredPart[]; part_size: number }> {
    const parts: StoredPart[] = []
    for (let after = 0; ; ) {
      const page: PartsPage = await this.#json(`/uploads/${id}/parts?after=${after.toString()}`, call)
      parts.push(...page.parts)
      if (page.next === null) return { parts, part_size: page.part_size }
      after = page.next
    }
  }

  async complete(id: string, call: Call = {}): Promise<void> {
    await this.#send(`/uploads/${id}/complete`, { ...call, method: 'POST' })
  }

  /** Gives a file another name. */
  rename(id: string, name: string): Promise<FileDetail> {
    return this.#versioned(`/files/${id}`, { method: 'PATCH', body: { name } })
  }

  /** Deletes a file; a missing file counts as deleted. */
  async remove(id: string): Promise<void> {
    try {
      await this.#send(`/files/${id}`, { method: 'DELETE' })
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error
    }
  }

  /** Deletes up to 100 files with one request; returns why some could not be deleted, by their ids. */
  async removeAll(ids: readonly string[]): Promise<ReadonlyMap<string, ApiError>> {
    const { results } = await this.#json<{ results: DeletionResult[] }>('/files/delete', { method: 'POST', body: { ids } })
    const failed = results.filter(({ status }) => status >= 400 && status !== 404)
    return new Map(failed.map(({ id, status, error }) => [id, new ApiError(status, error ?? {})]))
  }

  usage(call: Call = {}): Promise<Usage> {
    return this.#json('/usage', call)
  }

  /** Sent once: a repeated request would create another token. */
  createUploadToken(bounds: TokenBounds): Promise<UploadToken> {
    return this.#json('/upload-tokens', { method: 'POST', body: bounds, attempts: 1 })
  }

  async deleteUploadToken(id: string): Promise<void> {
    await this.#send(`/upload-tokens/${id}`, { method: 'DELETE' })
  }

  /** A URL of the bytes that needs no key; valid for `seconds`. */
  async addressOf(file: { download_url: string }, disposition: 'inline' | 'attachment', seconds = 3600): Promise<string> {
    const path = new URL(file.download_url).pathname
    const at = path.indexOf('/files/')
    const query = `redirect=false&disposition=${disposition}&expires_in=${seconds.toString()}`
    const response = await this.#json<{ url: string }>(`${path.slice(at)}?${query}`)
    return response.url
  }

  /** A URL of a poster that needs no key. */
  async addressOfPoster(posterUrl: string, call: Call = {}): Promise<string> {
    const { pathname } = new URL(posterUrl)
    const at = pathname.indexOf('/posters/')
    if (at < 0) return posterUrl
    const response = await this.#json<{ url: string }>(`${pathname.slice(at)}?redirect=false`, call)
    return response.url
  }

  async #versioned(path: string, call: Call): Promise<FileDetail> {
    const response = await this.#send(path, call)
    const file = (await response.json()) as FileDetail
    const etag = response.headers.get('etag')
    if (etag !== null) this.#etags.set(file, etag)
    return file
  }

  async #json<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.#send(path, call)
    return (await response.json()) as T
  }

  async #send(path: string, call: Call): Promise<Response> {
    const attempts = call.attempts ?? DELAYS.length + 1
    for (let attempt = 1; ; attempt += 1) {
      const last = attempt >= attempts
      const response = await this.#once(path, call, last)
      if (response?.ok === true) return response
      if (response !== null && (last || !isWorthAnother(response.status))) {
        throw new ApiError(response.status, await errorBody(response))
      }
      await pause(waitBefore(attempt, response?.headers.get('retry-after')), call.signal)
      await online(call.signal)
    }
  }

  /** `null`: no response, and there is another attempt. */
  async #once(path: string, call: Call, last: boolean): Promise<Response | null> {
    const headers: Record<string, string> = { 'X-API-KEY': this.#connection.key, ...call.headers }
    const request: RequestInit = { method: call.method ?? 'GET', headers, cache: 'no-store', credentials: 'omit' }
    if (call.body !== undefined) {
      headers['Content-Type'] = 'application/json'
      request.body = JSON.stringify(call.body)
    }
    if (call.signal !== undefined) request.signal = call.signal
    try {
      const response = await fetch(`${this.#connection.base}${path}`, request)
      this.network.note(true)
      return response
    } catch (error) {
      if (call.signal?.aborted === true) throw abortReason(call.signal)
      this.network.note(false)
      if (!last) return null
      const message = `${this.#connection.base} does not respond. Is the address right, and does it allow this page's origin?`
      throw new UnreachableError(message, { cause: error })
    }
  }
}

function isWorthAnother(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501)
}

async function errorBody(response: Response): Promise<ErrorBody> {
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}

/** Returns the message of any error. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
