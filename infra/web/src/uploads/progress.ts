/** How far each part of each running upload is, for whoever shows it. */

export interface PartsProgress {
  name: string
  /** Of every part, 0 to 1. */
  parts: readonly number[]
}

export class ProgressBoard {
  readonly #uploads = new Map<string, { name: string; parts: number[] }>()
  readonly #listeners = new Set<() => void>()
  #told = false

  /** A new upload; parts that are stored already are whole. */
  begin(id: string, name: string, count: number): void {
    this.#uploads.set(id, { name, parts: new Array<number>(count).fill(0) })
    this.#tell()
  }

  set(id: string, part: number, fraction: number): void {
    const upload = this.#uploads.get(id)
    if (upload === undefined) return
    upload.parts[part - 1] = fraction
    this.#tell()
  }

  end(id: string): void {
    if (this.#uploads.delete(id)) this.#tell()
  }

  all(): [string, PartsProgress][] {
    return [...this.#uploads]
  }

  /** Calls back at most once per frame; returns the way to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(): void {
    if (this.#told) return
    this.#told = true
    requestAnimationFrame(() => {
      this.#told = false
      for (const listener of this.#listeners) listener()
    })
  }
}
