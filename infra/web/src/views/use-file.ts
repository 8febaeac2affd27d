import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { Backoff, isUnderWay, secondsFor, visible } from '../api/under-way.ts'

/** One file with all its details, followed until it is done; `update` is for who has changed it. */
export function useFile(client: Client, id: string): { file: FileDetail | null; error: unknown; update: (file: FileDetail) => void } {
  const [file, setFile] = useState<FileDetail | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const follow = async (): Promise<void> => {
      const backoff = new Backoff()
      let found = await client.get(id, { signal })
      setFile(found)
      while (isUnderWay(found)) {
        await backoff.over(signal)
        await visible(signal)
        const [wait, began] = [secondsFor(found), performance.now()]
        found = await client.get(id, { wait, signal })
        backoff.note(wait, performance.now() - began, !isUnderWay(found))
        setFile(found)
      }
    }
    follow().catch((refused: unknown) => {
      if (!signal.aborted) setError(refused)
    })
    return () => { stop.abort(); }
  }, [client, id])
  return { file, error, update: setFile }
}
