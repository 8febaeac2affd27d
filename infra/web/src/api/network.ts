/** Whether the API is reachable: the browser's network state, and whether the last request got a response. */
export class Network {
  #reached = true
  readonly #listeners = new Set<() => void>()

  get state(): 'online' | 'offline' | 'unreachable' {
    if (!navigator.onLine) return 'offline'
    return this.#reached ? 'online' : 'unreachable'
  }

  /** Notes that a request got a response, or none. */
  note(reached: boolean): void {
    if (reached === this.#reached) return
    this.#reached = reached
    this.#notify()
  }

  /** Calls back whenever the state may have changed; returns the function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    const stop = new AbortController()
    for (const event of ['online', 'offline']) addEventListener(event, listener, { signal: stop.signal })
    this.#listeners.add(listener)
    return () => {
      stop.abort()
      this.#listeners.delete(listener)
    }
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
