import { useState } from 'preact/hooks'
import { ApiError, type Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { type Change, type Difference, differences, isDone, rebased } from '../changes.ts'

/** Somebody else has changed what people change since the file was read. */
export interface Conflict {
  theirs: FileDetail
  differences: Difference[]
  /** The change that is not saved, for the file as it is now. */
  change: Change
}

export interface Saving {
  busy: boolean
  error: unknown
  conflict: Conflict | null
  save: (change: Change) => Promise<void>
  /** Saves the change although somebody else has changed the file. */
  overwrite: () => Promise<void>
}

/** Attempts against a file that a probe or an import keeps changing. */
const MOST = 5

/** Saves changes of a file by its version, so that no change of somebody else is overwritten. */
export function useChange(client: Client, file: FileDetail, onSaved: (file: FileDetail) => void): Saving {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [conflict, setConflict] = useState<Conflict | null>(null)
  const attempt = async (change: Change, known: FileDetail): Promise<void> => {
    setBusy(true)
    setError(null)
    setConflict(null)
    try {
      const result = await saveOn(client, change, known)
      if ('theirs' in result) setConflict(result)
      else onSaved(result)
    } catch (refused) {
      setError(refused)
    }
    setBusy(false)
  }
  return {
    busy, error, conflict,
    save: (change) => attempt(change, file),
    overwrite: async () => { if (conflict !== null) await attempt(conflict.change, conflict.theirs) },
  }
}

async function saveOn(client: Client, change: Change, known: FileDetail): Promise<FileDetail | Conflict> {
  let version = known
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.update(version, change)
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412) || attempt >= MOST) throw error
    }
    version = await client.get(known.id)
    if (isDone(change, version)) return version
    const found = differences(known, version)
    if (found.length > 0) return { theirs: version, differences: found, change: rebased(change, known, version) }
  }
}
