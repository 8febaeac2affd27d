import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { inParallel } from '../api/pool.ts'
import { pause } from '../api/retry.ts'
import type { FileSummary, Retrying } from '../api/types.ts'

/** Milliseconds between two looks. */
const EVERY = 5_000

/** Imports that are looked at in one round: a list does not say that they back off, their details do. */
const MOST = 4

/** The imports among some files that back off, by their id. */
export function useRetrying(client: Client, files: readonly FileSummary[]): ReadonlyMap<string, Retrying> {
  const [found, setFound] = useState<ReadonlyMap<string, Retrying>>(new Map())
  const waiting = files.filter(({ source, status }) => source === 'url' && (status === 'pending' || status === 'running'))
  const ids = waiting.map(({ id }) => id).join(' ')
  useEffect(() => {
    if (ids === '') return undefined
    const stop = new AbortController()
    const follow = async (): Promise<void> => {
      const all = ids.split(' ')
      for (let from = 0; ; from = from + MOST < all.length ? from + MOST : 0) {
        await pause(document.hidden ? 4 * EVERY : EVERY / 2, stop.signal)
        const looked = new Map<string, Retrying | null>()
        await inParallel(all.slice(from, from + MOST), MOST, async (id) => {
          const { retrying } = await client.get(id, { signal: stop.signal })
          looked.set(id, retrying ?? null)
        })
        setFound((before) => merged(before, looked))
        await pause(EVERY / 2, stop.signal)
      }
    }
    follow().catch(() => undefined) // stopped, deleted, or the library itself tells that nothing answers
    return () => { stop.abort(); }
  }, [client, ids])
  const known = files.map(({ id, retrying }): [string, Retrying | null | undefined] => [id, retrying ?? (ids.includes(id) ? found.get(id) : null)])
  return new Map(known.filter((entry): entry is [string, Retrying] => Boolean(entry[1])))
}

function merged(before: ReadonlyMap<string, Retrying>, looked: ReadonlyMap<string, Retrying | null>): ReadonlyMap<string, Retrying> {
  const after = new Map(before)
  for (const [id, retrying] of looked) {
    if (retrying === null) after.delete(id)
    else after.set(id, retrying)
  }
  return after
}
