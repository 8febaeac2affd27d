import { useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { pause } from '../api/retry.ts'
import type { Usage } from '../api/types.ts'
import { visible } from '../api/under-way.ts'

/** Milliseconds without a change before the totals are read again, and between two reads without one. */
const CALM = 1_500
const USUAL = 60_000

/** What the owner uses, and the limits; `null` until it is known, and for as long as it cannot be read. */
export function useUsage(client: Client, version: string): Usage | null {
  const known = useRef(false)
  const [usage, setUsage] = useState<Usage | null>(null)
  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const follow = async (): Promise<void> => {
      if (known.current) await pause(CALM, signal)
      for (;;) {
        setUsage(await client.usage({ signal }))
        known.current = true
        await pause(USUAL, signal)
        await visible(signal)
      }
    }
    follow().catch(() => undefined) // aborted, or the library shows that the API does not respond
    return () => { stop.abort(); }
  }, [client, version])
  return usage
}
