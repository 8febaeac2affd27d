import { useEffect, useRef, useState } from 'preact/hooks'
import type { RefObject } from 'preact'
import type { Client } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'

/** How long a poster's URL is used, in milliseconds; it is good for somewhat longer. */
const KEPT_FOR = 240_000

/** Posters that are asked for at the same time. */
const AT_ONCE = 4

/** The URLs of posters: each is asked for once, when its place comes into view. */
class Posters {
  readonly #client: Client
  readonly #known = new Map<string, { address: Promise<string>; until: number }>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(client: Client) {
    this.#client = client
  }

  addressOf(posterUrl: string): Promise<string> {
    const known = this.#known.get(posterUrl)
    if (known !== undefined && known.until > Date.now()) return known.address
    const address = this.#inTurn(() => this.#client.addressOfPoster(posterUrl, { attempts: 2 }))
    this.#known.set(posterUrl, { address, until: Date.now() + KEPT_FOR })
    return address
  }

  /** Forgets a URL that did not work. */
  forget(posterUrl: string): void {
    this.#known.delete(posterUrl)
  }

  async #inTurn(ask: () => Promise<string>): Promise<string> {
    if (this.#running >= AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go))
    this.#running += 1
    try {
      return await ask()
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }
}

const ofClients = new WeakMap<Client, Posters>()

/** The address of a file's poster once its place is in view; `null` until then, without a poster, and after an error. */
export function usePoster(client: Client, file: FileSummary): { place: RefObject<HTMLElement>; address: string | null; failed: () => void } {
  const place = useRef<HTMLElement>(null)
  const [address, setAddress] = useState<string | null>(null)
  const posterUrl = file.poster_url ?? null
  const posters = ofClients.get(client) ?? new Posters(client)
  ofClients.set(client, posters)
  useEffect(() => {
    setAddress(null)
    if (posterUrl === null || place.current === null) return undefined
    let wanted = true
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return
      watch.disconnect()
      posters.addressOf(posterUrl).then(
        (url) => { if (wanted) setAddress(url); },
        () => { posters.forget(posterUrl); },
      )
    })
    watch.observe(place.current)
    return () => {
      wanted = false
      watch.disconnect()
    }
  }, [posters, posterUrl])
  const failed = (): void => {
    if (posterUrl !== null) posters.forget(posterUrl)
    setAddress(null)
  }
  return { place, address, failed }
}
