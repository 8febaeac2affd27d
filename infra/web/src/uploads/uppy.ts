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

/** Files that are announced at the same time. */
const ANNOUNCED_AT_ONCE = 4

/** How often at most the library is told of changes, in milliseconds. */
const TOLD_EVERY = 400

/** A file whose bytes are stored. */
export interface Uploaded {
  id: string
  name: string
  size: number
}

/** Uppy and its S3 uploader, spoken to our endpoints. */
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
  /** The uploader cuts the file before it creates the upload, and asks for the size by the bytes alone. */
  readonly #partSizes = new WeakMap<object, number>()
  /** By URL: what a PUT belongs to; part 0 is a whole file. */
  readonly #puts = new Map<string, { session: Session; part: number }>()

  constructor(client: Client, changed: () => void, memory = new Memory(() => localStorage)) {
    this.memory = memory
    const tell = coalesced(changed)
    this.#changed = tell
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
      // Wanted upon errors too, after which an upload can go on: whoever removes the file deletes it, below.
      abortMultipartUpload: () => Promise.resolve(),
      uploadPartBytes: (bytes: Bytes) => this.#put(bytes),
    })
    this.uppy.addPreProcessor((ids) => this.#announceAll(ids))
    this.uppy.on('upload-success', (file) => {
      const session = file === undefined ? undefined : this.#close(file.id)
      if (file !== undefined && session !== undefined) this.onUploaded({ id: session.id, name: file.name, size: file.size ?? 0 })
      tell()
    })
    this.uppy.on('upload-error', (file, error) => {
      if (file === undefined) return
      this.#errors.set(file.id, error)
      if (isOver(error)) this.#close(file.id)
      tell()
    })
    this.uppy.on('upload-retry', (file) => this.#errors.delete(file.id))
    this.uppy.on('file-removed', (file) => {
      this.#errors.delete(file.id)
      void this.#discard(file.id).finally(tell)
    })
    this.uppy.on('state-update', () => { this.board.tell(); })
  }

  /** Begins further uploads with another client. */
  useClient(client: Client): void {
    this.#sessions.client = client
  }

  /** All chosen files, in the order in which they were chosen. */
  rows(): UploadRow[] {
    return this.uppy.getFiles().map((file) => rowOf(file, this.#errors.get(file.id), this.#open.get(file.id)?.id, this.board))
  }

  /**
   * Uploads files. A file that is being uploaded already is left alone, one whose upload failed is tried again, and a
   * finished one is uploaded once more.
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

  /** Ends uploads; what is stored of them is deleted. Finished and failed ones only leave the list. */
  cancel(rows: readonly UploadRow[]): void {
    this.uppy.removeFiles(rows.map(({ id }) => id))
  }

  /** Takes finished uploads off the list. */
  clearDone(): void {
    this.uppy.removeFiles(this.uppy.getFiles().filter(({ progress }) => progress.uploadComplete).map(({ id }) => id))
  }

  /** Stops everything; what is unfinished can be resumed. */
  destroy(): void {
    for (const id of [...this.#open.keys()]) this.#open.delete(id)
    this.uppy.destroy()
  }

  /** Files in parts are announced before the uploader looks at them: it must know how large their parts are. */
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
      // To the uploader the upload exists, so that it asks what is stored and goes on from there.
      this.uppy.setFileState(file.id, { s3Multipart: { key: session.id, uploadId: session.id } } as Partial<Chosen>)
    } catch (error) {
      this.#refused.set(file.id, error) // told when the uploader comes to this file
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
    if (session.kind !== 'single') throw new Error('The server wants this file in parts.')
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

  /** Ends what is known of an upload; it is remembered if it can be resumed. */
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

  /** What was not finished is deleted, with the parts that are stored. An upload token deletes nothing; its upload can be resumed. */
  async #discard(fileId: string): Promise<void> {
    const withToken = this.#open.get(fileId)?.client.uploadToken !== undefined
    const session = this.#close(fileId, withToken)
    if (session === undefined || withToken) return
    try {
      await session.client.remove(session.id)
    } catch (error) {
      this.uppy.log(String(error), 'warning') // it ends by itself when its time is over
    }
  }
}

/** Whether the upload cannot go on, so that another attempt is another upload. */
function isOver(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || ['upload_over', 'parts_gone'].includes(error.reason))
}

function bytesOf(file: Chosen): File {
  if (!(file.data instanceof File)) throw new Error('The file is not of this computer.')
  return file.data
}

/** What tells a chosen file from others, as Uppy does. */
function identity({ name, size, type, lastModified }: File, path: string | null): string {
  return JSON.stringify([path, name, size, type, lastModified])
}

/** Calls at once, and then at most once in a while, however many uploads change. */
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
    }, TOLD_EVERY)
  }
  return () => {
    if (waiting) again = true
    else now()
  }
}

/** Where a file was in its folder; `null` for a file that was chosen alone. At most as long as metadata may be. */
function pathOf(file: File & { relativePath?: string | null }): string | null {
  const path = (file.relativePath ?? file.webkitRelativePath).replace(/^\//, '')
  return path.includes('/') && path.length <= 512 ? path : null
}
