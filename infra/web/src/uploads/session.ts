import { ApiError, type Client } from '../api/client.ts'
import type { CreatedFile, SinglePut } from '../api/types.ts'
import { type Memory, type Remembered, fingerprint } from './memory.ts'
import type { ProgressBoard } from './progress.ts'
import { Signatures } from './signatures.ts'

/** Files above this size, in bytes, are multipart uploads, which can be resumed; a single PUT costs less. */
export const PARTS_FROM = 16 * 1024 * 1024

/** A multipart upload. */
export interface InPartsSession {
  kind: 'parts'
  id: string
  client: Client
  partSize: number
  signatures: Signatures
  /** Whether the upload is new: no part is stored, and none is listed. */
  fresh: boolean
}

/** One PUT; the first URL comes with the file. */
export interface SingleSession {
  kind: 'single'
  id: string
  client: Client
  first: SinglePut | null
}

export type Session = InPartsSession | SingleSession

export const goesInParts = (size: number): boolean => size > PARTS_FROM

/** Creates uploads, and finds interrupted ones. */
export class Sessions {
  /** The client of new uploads. An upload keeps its client. */
  client: Client
  readonly #board: ProgressBoard
  readonly #memory: Memory

  constructor(client: Client, board: ProgressBoard, memory: Memory) {
    this.client = client
    this.#board = board
    this.#memory = memory
  }

  /** Returns the interrupted upload of this file, or a new one. */
  async open(file: File, name: string, idempotencyKey: string, path: string | null): Promise<Session> {
    const parts = goesInParts(file.size)
    const resumed = await this.#resume(file)
    if (resumed !== null) return resumed
    const { client } = this
    const announcement = {
      name,
      size: file.size,
      ...(file.type !== '' && { content_type: file.type }),
      ...(parts && { multipart: true as const }),
      ...(path !== null && { metadata: { path } }),
    }
    const created = await client.announce(announcement, idempotencyKey)
    return this.#begin(client, file, created)
  }

  #begin(client: Client, file: File, created: CreatedFile): Session {
    const { id, upload } = created
    if (upload === undefined) throw new Error('The response of the server has no upload URL.')
    const whole = 'url' in upload
    const token = client.uploadToken
    // With a token each file counts, so a single PUT is resumed, too.
    if (!whole || token !== undefined) {
      const kept: Remembered = { id, name: file.name, size: file.size, base: client.base, whole, ...(token !== undefined && { token }) }
      this.#memory.remember(fingerprint(client.base, file), kept)
    }
    if (whole) return this.#single(client, id, file, upload)
    return { ...this.#inParts(client, id, file, upload.part_size), fresh: true }
  }

  async #resume(file: File): Promise<Session | null> {
    const known = this.#memory.recall(fingerprint(this.client.base, file))
    if (known === undefined) return null
    const client = known.token === undefined ? this.client : this.client.withKey(known.token)
    try {
      if (known.whole === true) return this.#single(client, known.id, file, await client.sign(known.id))
      const { part_size } = await client.storedParts(known.id)
      return this.#inParts(client, known.id, file, part_size)
    } catch (error) {
      if (!isOver(error, known)) throw error
    }
    this.#memory.forget(known.id)
    return null
  }

  #single(client: Client, id: string, file: File, first: SinglePut): SingleSession {
    this.#board.begin(id, file.name, file.size, Math.max(1, file.size))
    return { kind: 'single', id, client, first }
  }

  #inParts(client: Client, id: string, file: File, partSize: number): InPartsSession {
    const count = Math.ceil(file.size / partSize)
    this.#board.begin(id, file.name, file.size, partSize)
    const signatures = new Signatures(count, (numbers) => client.signParts(id, numbers))
    return { kind: 'parts', id, client, partSize, signatures, fresh: false }
  }
}

/** Whether an interrupted upload cannot be resumed: it has ended or is deleted, or its token has expired. */
function isOver(error: unknown, { token }: Remembered): boolean {
  return error instanceof ApiError && ([404, 409].includes(error.status) || (error.status === 401 && token !== undefined))
}

/** Whether an interrupted upload still waits for its bytes; removes it from the memory otherwise. */
export async function stillWaits(client: Client, memory: Memory, upload: Remembered, signal: AbortSignal): Promise<boolean> {
  const own = upload.token === undefined ? client : client.withKey(upload.token)
  try {
    await (upload.whole === true ? own.sign(upload.id, { signal }) : own.storedParts(upload.id, { signal }))
    return true
  } catch (error) {
    if (!isOver(error, upload)) throw error
  }
  memory.forget(upload.id)
  return false
}
