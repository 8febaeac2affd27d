import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { ApiError, type Client } from '../api/client.ts'
import type { Body, Chosen, Meta } from './chosen.ts'
import { Memory } from './memory.ts'
import { ProgressBoard } from './progress.ts'
import { type UploadRow, rowOf } from './rows.ts'
import { type InPartsSession, type Session, Sessions, goesInParts } from './session.ts'
import { type Bytes, type Stored, putPart, putWhole } from './transfer.ts'

/** PUTs at the same time, of all files together; browsers open no more connections to one host. */
const AT_ONCE = 6

/** Uploads that are created at the same time. */
const ANNOUNCED_AT_ONCE = 4

/** Shortest interval between two notifications of the library, in milliseconds. */
const NOTIFY_EVERY = 400

/** A file whose bytes are stored. */
export interface Uploaded {
  id: string
  name: string
  size: number
}

/** Uppy and its S3 uploader, connected to the API. */
export class Uploads {
  readonly uppy = new Uppy<Meta, Body>({ autoProceed: true })
  readonly board = new ProgressBoard()
  readonly memory: Memory
  /** Called with each file whose bytes are stored. */
  onUploaded: (file: Uploaded) => void = () => undefined
  readonly #changed: () => void
  readonly #sessions: Sessions
  /** By Uppy's id of the file. */
  readonly #open = new Map<string, Session>()
  readonly #idempotencyKeys = new Map<string, string>()
  readonly #refused = new Map<string, unknown>()
  /** Why uploads failed, by Uppy's id of the file. */
  readonly #errors = new Map<string, unknown>()
  /** By the bytes: the uploader splits the file before it creates the upload, and asks for the size with nothing but the bytes. */
  readonly #partSizes = new WeakMap<object, number>()
  /** By URL: the upload and the part of a PUT; part 0 is a whole file. */
  readonly #puts = new Map<string, { session: Session; part: number }>()

  constructor(client: Client, changed: () => void, memory = new Memory(() => localStorage)) {
    this.memory = memory
    const notify = coalesced(changed)
    this.#changed = notify
    this.#sessions = new Sessions(client, this.board, memory)
    this.uppy.use(AwsS3<Meta, Body>, {
      limit: AT_ONCE,
      retryDelays: [500, 1_000, 3_000, 5_000, 10_000],
      shouldUseMultipart: (file: Chosen) => goesInParts(file.size ?? 0),
      getChunkSize: (bytes: object) => this.#partSizes.get(bytes) ?? 0,
      getUploadParameters: (file: Chosen) => this.#wholeUrl(file),
      createMultipartUpload: (file: Chosen) => this.#announced(file),
      listParts: (file: Chosen) => this.#storedParts(file),
      signPart: (file: Chosen, { partNumber }: { partNumber: number }) => this.#partUrl(file, partNumber),
      completeMultipartUpload: (file: Chosen) => this.#complete(file),
      // Also called after errors from which an upload can resume: the removal of the file deletes the upload, below.
      abortMultipartUpload: () => Promise.resolve(),
      uploadPartBytes: (bytes: Bytes) => this.#put(bytes),
    })
    this.uppy.addPreProcessor((ids) => this.#announceAll(ids))
    this.uppy.on('upload-success', (file) => {
      const session = file === undefined ? undefined : this.#close(file.id)
      if (file !== undefined && session !== undefined) this.onUploaded({ id: session.id, name: file.name, size: file.size ?? 0 })
      notify()
    })
    this.uppy.on('upload-error', (file, error) => {
      if (file === undefined) return
      this.#errors.set(file.id, error)
      if (isOver(error)) this.#close(file.id)
      notify()
    })
    this.uppy.on('upload-retry', (file) => this.#errors.delete(file.id))
    this.uppy.on('file-removed', (file) => {
      this.#errors.delete(file.id)
      void this.#discard(file.id).finally(notify)
    })
    this.uppy.on('state-update', () => { this.board.notify(); })
  }

  /** Sets the client of new uploads. */
  useClient(client: Client): void {
    this.#sessions.client = client
  }

  /** All chosen files, in the order in which they were chosen. */
  rows(): UploadRow[] {
    return this.uppy.getFiles().map((file) => rowOf(file, this.#errors.get(file.id), this.#open.get(file.id)?.id, this.board))
  }

  /**
   * Uploads files. Ignores a file that is being uploaded, retries one whose upload failed, and uploads a finished one once
   * more.
   */
  add(files: readonly File[]): void {
    const known = new Map(this.uppy.getFiles().map((file) => [identity(bytesOf(file), file.meta.relativePath ?? null), file]))
    const chosen = files.map((file) => ({ file, path: pathOf(file) }))
    const repeated = chosen.map(({ file, path }) => known.get(identity(file, path))).filter((file) => file !== undefined)
    const done = repeated.filter(({ progress }) => progress.uploadComplete).map(({ id }) => id)
    if ([...known.values()].every(({ progress }) => progress.uploadComplete)) this.clearDone()
    else this.uppy.removeFiles(done)
    for (const { id, error } of repeated) if (error !== undefined && error !== null) void this.uppy.retryUpload(id)
    const fresh = chosen.filter(({ file, path }) => {
      const same = known.get(identity(file, path))
      return same === undefined || same.progress.uploadComplete
    })
    this.uppy.addFiles(fresh.map(({ file, path }) => ({ name: file.name, type: file.type, data: file, meta: path === null ? {} : { relativePath: path } })))
  }

  pause(row: UploadRow): void {
    if (row.state === 'sending') this.uppy.pauseResume(row.id)
  }

  resume(row: UploadRow): void {
    if (row.state === 'paused') this.uppy.pauseResume(row.id)
  }

  retry(row: UploadRow): void {
    if (row.state === 'failed') void this.uppy.retryUpload(row.id)
  }

  /** Cancels uploads and deletes their stored parts. Finished and failed ones are only removed from the list. */
  cancel(rows: readonly UploadRow[]): void {
    this.uppy.removeFiles(rows.map(({ id }) => id))
  }

  /** Removes finished uploads from the list. */
  clearDone(): void {
    this.uppy.removeFiles(this.uppy.getFiles().filter(({ progress }) => progress.uploadComplete).map(({ id }) => id))
  }

  /** Stops all uploads; unfinished ones can be resumed. */
  destroy(): void {
    for (const id of [...this.#open.keys()]) this.#open.delete(id)
    this.uppy.destroy()
  }

  /** Creates multipart uploads before the uploader reads the files: it needs the size of their parts. */
  async #announceAll(ids: string[]): Promise<void> {
    const waiting = this.uppy.getFilesByIds(ids).filter((file) => goesInParts(file.size ?? 0))
    const announce = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await this.#announce(file)
    }
    await Promise.all(Array.from({ length: ANNOUNCED_AT_ONCE }, announce))
  }

  async #announce(file: Chosen): Promise<void> {
    try {
      const session = await this.#session(file)
      if (session.kind === 'single') return
      this.#refused.delete(file.id)
      this.#partSizes.set(bytesOf(file), session.partSize)
      // The uploader then treats the upload as existing: it lists the stored parts and resumes.
      this.uppy.setFileState(file.id, { s3Multipart: { key: session.id, uploadId: session.id } } as Partial<Chosen>)
    } catch (error) {
      this.#refused.set(file.id, error) // thrown when the uploader starts this file
    }
  }

  async #session(file: Chosen): Promise<Session> {
    const known = this.#open.get(file.id)
    if (known !== undefined) return known
    const key = this.#idempotencyKeys.get(file.id) ?? crypto.randomUUID()
    this.#idempotencyKeys.set(file.id, key)
    const session = await this.#sessions.open(bytesOf(file), file.name, key, file.meta.relativePath ?? null)
    this.#open.set(file.id, session)
    const removed = !this.uppy.getFiles().some((other) => other.id === file.id)
    if (removed) await this.#discard(file.id)
    this.#changed()
    return session
  }

  #announced(file: Chosen): Promise<{ key: string; uploadId: string }> {
    const why = this.#refused.get(file.id)
    return Promise.reject(why instanceof Error ? why : new Error('The upload has ended. Please try again.'))
  }

  #parts(file: Chosen): InPartsSession {
    const session = this.#open.get(file.id)
    if (session?.kind !== 'parts') throw new Error('The upload has ended. Please try again.')
    return session
  }

  async #wholeUrl(file: Chosen): Promise<{ method: 'PUT'; url: string; headers: Record<string, string> }> {
    const session = await this.#session(file)
    if (session.kind !== 'single') throw new Error('The server requires a multipart upload of this file.')
    const { url, headers } = session.first ?? (await session.client.sign(session.id))
    session.first = null
    this.#puts.set(url, { session, part: 0 })
    return { method: 'PUT', url, headers }
  }

  async #partUrl(file: Chosen, number: number): Promise<{ method: 'PUT'; url: string; headers: Record<string, string> }> {
    const session = this.#parts(file)
    const { url, headers } = await session.signatures.take(number)
    this.#puts.set(url, { session, part: number })
    return { method: 'PUT', url, headers: headers ?? {} }
  }

  async #storedParts(file: Chosen): Promise<{ PartNumber: number; Size: number; ETag: string }[]> {
    const session = this.#parts(file)
    if (session.fresh) {
      session.fresh = false
      return []
    }
    const { parts } = await session.client.storedParts(session.id)
    session.signatures.skip(parts.map((part) => part.part_number))
    for (const part of parts) this.board.set(session.id, part.part_number, 1)
    const bytesUploaded = parts.reduce((sum, part) => sum + part.size, 0)
    this.uppy.emit('upload-progress', file, { uploadStarted: Date.now(), bytesUploaded, bytesTotal: file.size })
    return parts.map((part) => ({ PartNumber: part.part_number, Size: part.size, ETag: '' }))
  }

  async #complete(file: Chosen): Promise<{ location?: string }> {
    const { client, id } = this.#parts(file)
    await client.complete(id)
    return {}
  }

  async #put(bytes: Bytes): Promise<Stored> {
    const { url } = bytes.signature
    const put = this.#puts.get(url)
    this.#puts.delete(url)
    if (put === undefined) return putPart(bytes)
    const { session, part } = put
    const size = Math.max(1, bytes.size ?? 1)
    const onProgress = (event: { loaded: number }): void => {
      this.board.set(session.id, Math.max(1, part), Math.min(1, event.loaded / size))
      ;(bytes.onProgress as (event: unknown) => void)(event)
    }
    try {
      if (part === 0) return await putWhole({ ...bytes, onProgress }, () => session.client.sign(session.id))
      return await putPart({ ...bytes, onProgress })
    } catch (error) {
      this.board.set(session.id, Math.max(1, part), 0)
      throw error
    }
  }

  /** Removes the state of an upload; the memory keeps it if it can be resumed. */
  #close(fileId: string, resumable = false): Session | undefined {
    const session = this.#open.get(fileId)
    this.#open.delete(fileId)
    this.#idempotencyKeys.delete(fileId)
    this.#refused.delete(fileId)
    if (session !== undefined) {
      if (!resumable) this.memory.forget(session.id)
      this.board.end(session.id)
    }
    return session
  }

  /** Deletes an unfinished upload with its stored parts. An upload token cannot delete; its upload can be resumed. */
  async #discard(fileId: string): Promise<void> {
    const withToken = this.#open.get(fileId)?.client.uploadToken !== undefined
    const session = this.#close(fileId, withToken)
    if (session === undefined || withToken) return
    try {
      await session.client.remove(session.id)
    } catch (error) {
      this.uppy.log(String(error), 'warning') // it expires by itself
    }
  }
}

/** Whether the upload cannot resume, so that another attempt is another upload. */
function isOver(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || ['upload_over', 'parts_gone'].includes(error.reason))
}

function bytesOf(file: Chosen): File {
  if (!(file.data instanceof File)) throw new Error('The file is not on this computer.')
  return file.data
}

/** The identity of a chosen file, as Uppy defines it. */
function identity({ name, size, type, lastModified }: File, path: string | null): string {
  return JSON.stringify([path, name, size, type, lastModified])
}

/** Calls `call` at once, then at most once per interval, however many uploads change. */
function coalesced(call: () => void): () => void {
  let waiting = false
  let again = false
  const now = (): void => {
    again = false
    waiting = true
    call()
    setTimeout(() => {
      waiting = false
      if (again) now()
    }, NOTIFY_EVERY)
  }
  return () => {
    if (waiting) again = true
    else now()
  }
}

/** The path of a file in its chosen folder; `null`: it was chosen alone, or the path is longer than a metadata value may be. */
function pathOf(file: File & { relativePath?: string | null }): string | null {
  const path = (file.relativePath ?? file.webkitRelativePath).replace(/^\//, '')
  return path.includes('/') && path.length <= 512 ? path : null
}
