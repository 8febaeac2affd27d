/** Changes of a file, and their merge with a change that somebody else has made in between. */
import type { FileDetail } from './api/types.ts'

export type Metadata = Record<string, string>

/** The body of a PATCH request. */
export interface Change {
  name?: string
  metadata?: Metadata | null
  /** Seconds from now; `null`: the file does not expire. */
  expires_in?: number | null
}

type Editable = Pick<FileDetail, 'name' | 'metadata' | 'expires_at'>

/** A changed field; `null`: the field is missing. */
export interface Difference {
  field: string
  before: string | null
  after: string | null
}

/** Returns the changed fields among those that users change; a probe or an import changes others. */
export function differences(before: Editable, after: Editable): Difference[] {
  const keys = [...new Set([...Object.keys(before.metadata), ...Object.keys(after.metadata)])]
  const all: Difference[] = [
    { field: 'Name', before: before.name, after: after.name },
    { field: 'Deleted on', before: before.expires_at, after: after.expires_at },
    ...keys.map((key) => ({ field: key, before: before.metadata[key] ?? null, after: after.metadata[key] ?? null })),
  ]
  return all.filter((field) => field.before !== field.after)
}

/** Returns the metadata that somebody else has saved, with the keys that were changed here. */
export function merged(before: Metadata, mine: Metadata, theirs: Metadata): Metadata {
  const after = new Map(Object.entries(theirs))
  for (const key of new Set([...Object.keys(before), ...Object.keys(mine)])) {
    const value = mine[key]
    if (value === before[key]) continue
    if (value === undefined) after.delete(key)
    else after.set(key, value)
  }
  return Object.fromEntries(after)
}

/** Returns the change for the file that somebody else has saved. */
export function rebased(change: Change, before: Editable, theirs: Editable): Change {
  const { metadata } = change
  return metadata === undefined ? change : { ...change, metadata: merged(before.metadata, metadata ?? {}, theirs.metadata) }
}

/** Whether the file already has these values, for example by an attempt whose response was lost. */
export function isDone({ name, metadata, expires_in }: Change, file: Editable): boolean {
  const sameMetadata = metadata === undefined || differences({ ...file, metadata: metadata ?? {} }, file).length === 0
  const sameExpiry = expires_in === undefined || (expires_in === null && file.expires_at === null)
  return (name === undefined || name === file.name) && sameMetadata && sameExpiry
}
