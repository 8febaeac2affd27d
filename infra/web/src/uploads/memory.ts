/**
 * Uploads in parts that this browser began: after a reload, choosing the same file again goes on with the same upload. Only
 * names and ids are kept, nothing that opens anything.
 */

export interface Remembered {
  id: string
  name: string
  size: number
  /** The API that it goes to. */
  base: string
}

const ITEM = 'files.uploads'

/** Most that are kept; the oldest go first. */
const MOST = 100

/** What tells a chosen file from others. */
export function fingerprint(base: string, file: File): string {
  return JSON.stringify([base, file.name, file.size, file.lastModified, file.type])
}

export function remember(print: string, upload: Remembered): void {
  const entries = Object.entries(all()).filter(([other]) => other !== print)
  save(Object.fromEntries([...entries.slice(1 - MOST), [print, upload]]))
}

export function recall(print: string): Remembered | undefined {
  return all()[print]
}

export function forget(id: string): void {
  save(Object.fromEntries(Object.entries(all()).filter(([, upload]) => upload.id !== id)))
}

/** All uploads to this API. */
export function remembered(base: string): Remembered[] {
  return Object.values(all()).filter((upload) => upload.base === base)
}

function all(): Record<string, Remembered> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(ITEM) ?? '{}')
    if (typeof found !== 'object' || found === null) return {}
    return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, Remembered] => isOne(entry[1])))
  } catch {
    return {}
  }
}

function isOne(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, size, base } = value as Record<string, unknown>
  return [id, name, base].every((text) => typeof text === 'string') && typeof size === 'number'
}

function save(uploads: Record<string, Remembered>): void {
  try {
    localStorage.setItem(ITEM, JSON.stringify(uploads))
  } catch {
    // Without storage an upload cannot be resumed after a reload; it works all the same.
  }
}
