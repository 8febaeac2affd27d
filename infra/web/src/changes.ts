/** What people change of a file, and what becomes of it when somebody else has changed the file in between. */
import type { FileDetail } from './api/types.ts'

export type Metadata = Record<string, string>

/** The body of a PATCH request. */
export interface Change {
  name?: string
  metadata?: Metadata | null
  /** Seconds from now; `null`: the file is kept for good. */
  expires_in?: number | null
}

type Editable = Pick<FileDetail, 'name' | 'metadata' | 'expires_at'>

/** One field that somebody has changed; `null`: it is not there. */
export interface Difference {
  field: string
  before: string | null
  after: string | null
}

/** What somebody has changed of the fields that people change; a probe or an import changes others. */
export function differences(before: Editable, after: Editable): Difference[] {
  const keys = [...new Set([...Object.keys(before.metadata), ...Object.keys(after.metadata)])]
  const all: Difference[] = [
    { field: 'Name', before: before.name, after: after.name },
    { field: 'Deleted on', before: before.expires_at, after: after.expires_at },
    ...keys.map((key) => ({ field: key, before: before.metadata[key] ?? null, after: after.metadata[key] ?? null })),
  ]
  return all.filter((field) => field.before !== field.after)
}

/** The metadata that somebody else has saved, with the keys replaced that were changed here. */
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

/** The change for the file as somebody else has saved it. */
export function rebased(change: Change, before: Editable, theirs: Editable): Change {
  const { metadata } = change
  return metadata === undefined ? change : { ...change, metadata: merged(before.metadata, metadata ?? {}, theirs.metadata) }
}

/** Whether the file is as asked already, for example by an attempt whose response was lost. */
export function isDone({ name, metadata, expires_in }: Change, file: Editable): boolean {
  const sameMetadata = metadata === undefined || differences({ ...file, metadata: metadata ?? {} }, file).length === 0
  const sameExpiry = expires_in === undefined || (expires_in === null && file.expires_at === null)
  return (name === undefined || name === file.name) && sameMetadata && sameExpiry
}
