import { ApiError, type Client } from '../api/client.ts'
import type { CreatedFile, SinglePut } from '../api/types.ts'
import { fingerprint, forget, recall, remember } from './memory.ts'
import type { ProgressBoard } from './progress.ts'
import { Signatures } from './signatures.ts'

/** Larger files go in parts, which can be resumed; smaller ones with one PUT, which costs less. In bytes. */
export const PARTS_FROM = 16 * 1024 * 1024

/** What an upload by parts needs to go on. */
export interface InPartsSession {
  kind: 'parts'
  id: string
  partSize: number
  signatures: Signatures
  /** Nothing is stored yet, which need not be asked. */
  fresh: boolean
}

/** One PUT; the first URL comes with the file. */
export interface SingleSession {
  kind: 'single'
  id: string
  first: SinglePut | null
}

export type Session = InPartsSession | SingleSession

export const goesInParts = (size: number): boolean => size > PARTS_FROM

/** Begins uploads, and finds those that were begun before. */
export class Sessions {
  readonly #client: Client
  readonly #board: ProgressBoard

  constructor(client: Client, board: ProgressBoard) {
    this.#client = client
    this.#board = board
  }

  /** A new file, or the one that this browser was in the middle of. */
  async open(file: File, name: string, idempotencyKey: string, path: string | null): Promise<Session> {
    const parts = goesInParts(file.size)
    const resumed = parts ? await this.#resume(file) : null
    if (resumed !== null) return resumed
    const announcement = {
      name,
      size: file.size,
      ...(file.type !== '' && { content_type: file.type }),
      ...(parts && { multipart: true as const }),
      ...(path !== null && { metadata: { path } }),
    }
    const created = await this.#client.announce(announcement, idempotencyKey)
    return this.#begin(file, created)
  }

  #begin(file: File, created: CreatedFile): Session {
    const { id, upload } = created
    if (upload === undefined) throw new Error('The server does not say how to upload.')
    if ('url' in upload) {
      this.#board.begin(id, file.name, file.size, Math.max(1, file.size))
      return { kind: 'single', id, first: upload }
    }
    const print = fingerprint(this.#client.base, file)
    remember(print, { id, name: file.name, size: file.size, base: this.#client.base })
    return { ...this.#inParts(id, file, upload.part_size), fresh: true }
  }

  async #resume(file: File): Promise<Session | null> {
    const known = recall(fingerprint(this.#client.base, file))
    if (known === undefined) return null
    try {
      const { status } = await this.#client.get(known.id)
      if (status === 'pending') {
        const { part_size } = await this.#client.storedParts(known.id)
        return this.#inParts(known.id, file, part_size)
      }
    } catch (error) {
      if (!(error instanceof ApiError && [404, 409].includes(error.status))) throw error
    }
    forget(known.id)
    return null
  }

  #inParts(id: string, file: File, partSize: number): InPartsSession {
    const count = Math.ceil(file.size / partSize)
    this.#board.begin(id, file.name, file.size, partSize)
    const signatures = new Signatures(count, (numbers) => this.#client.signParts(id, numbers))
    return { kind: 'parts', id, partSize, signatures, fresh: false }
  }
}
