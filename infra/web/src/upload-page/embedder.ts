import type { Uploaded } from '../uploads/uppy.ts'

/** Messages to the page that embeds this one. */
export type Message =
  /** The page needs a token. */
  | { type: 'files:ready' }
  /** The bytes of a file are stored. */
  | { type: 'files:uploaded'; file: Uploaded }
  /** The token is no longer valid: another one may follow. */
  | { type: 'files:expired' }

/**
 * The page that embeds this one, if any. It passes the token by a message, which no history, log or `Referer` contains. Only messages
 * of the embedding window are read; its origin does not matter, because it can only pass its own token.
 */
export class Embedder {
  #origin: string | null = null

  /** Listens for tokens, and sends that this page is ready for one; returns the function that stops listening. */
  listen(onGiven: (given: Readonly<Record<string, unknown>>) => void): () => void {
    if (window.parent === window) return () => undefined
    const stop = new AbortController()
    addEventListener('message', ({ source, origin, data }: MessageEvent<unknown>) => {
      if (source !== window.parent || typeof data !== 'object' || data === null) return
      const given = data as Record<string, unknown>
      if (given.type !== 'files:token') return
      this.#origin = origin === 'null' ? '*' : origin // a page with an opaque origin has no other target
      onGiven(given)
    }, { signal: stop.signal })
    this.#send({ type: 'files:ready' }, '*') // it contains no data
    return () => { stop.abort(); }
  }

  /** Sends a message to the page that passed the token, if any. */
  send(message: Message): void {
    if (this.#origin !== null) this.#send(message, this.#origin)
  }

  #send(message: Message, origin: string): void {
    window.parent.postMessage(message, origin)
  }
}
