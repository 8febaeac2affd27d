import type { Uploaded } from '../uploads/uppy.ts'

/** What the page tells the page that embeds it. */
export type Told =
  /** It wants a token. */
  | { type: 'files:ready' }
  /** The bytes of a file are stored. */
  | { type: 'files:uploaded'; file: Uploaded }
  /** The token opens nothing anymore: another one may follow. */
  | { type: 'files:expired' }

/**
 * The page around this one, if there is one. It gives the token by a message, which no history, no log and no `Referer` keeps. Only
 * messages of the embedding window itself count; who that is does not matter, since it can give nothing but its own token.
 */
export class Embedder {
  #origin: string | null = null

  /** Listens for tokens, and says that this page is ready for one; returns the function that ends this. */
  listen(onGiven: (given: Readonly<Record<string, unknown>>) => void): () => void {
    if (window.parent === window) return () => undefined
    const stop = new AbortController()
    addEventListener('message', ({ source, origin, data }: MessageEvent<unknown>) => {
      if (source !== window.parent || typeof data !== 'object' || data === null) return
      const given = data as Record<string, unknown>
      if (given.type !== 'files:token') return
      this.#origin = origin === 'null' ? '*' : origin // a page without an origin of its own can only be named so
      onGiven(given)
    }, { signal: stop.signal })
    this.#send({ type: 'files:ready' }, '*') // nothing in it is anybody's
    return () => { stop.abort(); }
  }

  /** Tells the page that gave the token; without one, nobody. */
  tell(message: Told): void {
    if (this.#origin !== null) this.#send(message, this.#origin)
  }

  #send(message: Told, origin: string): void {
    window.parent.postMessage(message, origin)
  }
}
