import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { pause } from '../api/retry.ts'
import type { FileDetail } from '../api/types.ts'
import { isUnderWay } from './use-page.ts'

/** Milliseconds between two looks at a file that is not done. */
const EVERY = 1_500

/** One file with all its details, followed until it is done; `update` is for who has changed it. */
export function useFile(client: Client, id: string): { file: FileDetail | null; error: unknown; update: (file: FileDetail) => void } {
  const [file, setFile] = useState<FileDetail | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    const stop = new AbortController()
    const follow = async (): Promise<void> => {
      for (let busy = true; busy; ) {
        const found = await client.get(id, { signal: stop.signal })
        setFile(found)
        busy = isUnderWay(found)
        if (busy) await pause(EVERY, stop.signal)
      }
    }
    follow().catch((refused: unknown) => {
      if (!stop.signal.aborted) setError(refused)
    })
    return () => { stop.abort(); }
  }, [client, id])
  return { file, error, update: setFile }
}
