/** An upload that a reload or a crash may cut short. */
export interface Remembered {
  id: string
  name: string
  size: number
  /** The API that it goes to. */
  base: string
  /** Whether it is a single PUT, which starts again with a fresh URL. */
  whole?: boolean
  /** The upload token that it began with; only another one's holder cannot resume it. */
  token?: string
}

const ITEM = 'files.uploads'

/** Most that are kept; the oldest go first. */
const MOST = 100

/** The identity of a chosen file. */
export function fingerprint(base: string, file: File): string {
  return JSON.stringify([base, file.name, file.size, file.lastModified, file.type])
}

/**
 * Uploads that this browser began: after a reload, choosing the same file again resumes the same upload. The storage is a function,
 * since browsers may refuse it; without one, uploads work and cannot be resumed.
 */
export class Memory {
  readonly #storage: () => Storage

  constructor(storage: () => Storage) {
    this.#storage = storage
  }

  remember(print: string, upload: Remembered): void {
    const entries = Object.entries(this.#all()).filter(([other]) => other !== print)
    this.#save(Object.fromEntries([...entries.slice(1 - MOST), [print, upload]]))
  }

  recall(print: string): Remembered | undefined {
    return this.#all()[print]
  }

  forget(id: string): void {
    this.#save(Object.fromEntries(Object.entries(this.#all()).filter(([, upload]) => upload.id !== id)))
  }

  /** All uploads to this API. */
  remembered(base: string): Remembered[] {
    return Object.values(this.#all()).filter((upload) => upload.base === base)
  }

  #all(): Record<string, Remembered> {
    try {
      const found: unknown = JSON.parse(this.#storage().getItem(ITEM) ?? '{}')
      if (typeof found !== 'object' || found === null) return {}
      return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, Remembered] => isOne(entry[1])))
    } catch {
      return {}
    }
  }

  #save(uploads: Record<string, Remembered>): void {
    try {
      this.#storage().setItem(ITEM, JSON.stringify(uploads))
    } catch {
      // Without storage an upload cannot be resumed after a reload; it works all the same.
    }
  }
}

function isOne(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, size, base, token = '' } = value as Record<string, unknown>
  return [id, name, base, token].every((text) => typeof text === 'string') && typeof size === 'number'
}
