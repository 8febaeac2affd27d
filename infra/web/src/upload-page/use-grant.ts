import { useEffect, useState } from 'preact/hooks'
import { wordsOf } from '../api/client.ts'
import type { Embedder } from './embedder.ts'
import { type Grant, applyBrand, keepGrant, keptGrant, readGrant, takeFragment } from './grant.ts'

export interface Given {
  grant: Grant | null
  /** Why what was given is none. */
  refused: string | null
}

/** The grant, from the fragment, from the embedding page, or from before a reload. A later one replaces it. */
export function useGrant(embedder: Embedder): Given {
  const [given, setGiven] = useState<Given>({ grant: null, refused: null })
  useEffect(() => {
    const take = (read: () => Grant | null): void => {
      try {
        const grant = read()
        if (grant === null) return
        keepGrant(grant)
        applyBrand(grant.brand)
        setGiven({ grant, refused: null })
      } catch (error) {
        setGiven({ grant: null, refused: wordsOf(error) })
      }
    }
    const stop = new AbortController()
    take(keptGrant)
    take(takeFragment)
    addEventListener('hashchange', () => { take(takeFragment); }, { signal: stop.signal })
    const end = embedder.listen((message) => { take(() => readGrant(message)); })
    return () => {
      stop.abort()
      end()
    }
  }, [embedder])
  return given
}
