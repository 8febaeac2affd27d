/** The sent bytes of each part of each running upload. */

export interface UploadProgress {
  name: string
  size: number
  /** Of every part, 0 to 1. A single PUT is one part. */
  parts: readonly number[]
}

interface Entry extends UploadProgress {
  partSize: number
  parts: number[]
}

export class ProgressBoard {
  readonly #uploads = new Map<string, Entry>()
  readonly #listeners = new Set<() => void>()
  #notified = false

  /** Adds an upload; stored parts are set to 1 afterwards. */
  begin(id: string, name: string, size: number, partSize: number): void {
    const count = Math.max(1, Math.ceil(size / partSize))
    this.#uploads.set(id, { name, size, partSize, parts: new Array<number>(count).fill(0) })
    this.notify()
  }

  set(id: string, part: number, fraction: number): void {
    const upload = this.#uploads.get(id)
    if (upload === undefined) return
    upload.parts[part - 1] = fraction
    this.notify()
  }

  end(id: string): void {
    if (this.#uploads.delete(id)) this.notify()
  }

  get(id: string): UploadProgress | undefined {
    return this.#uploads.get(id)
  }

  /** Bytes of an upload that are sent, in parts that were not lost. */
  sent(id: string): number {
    const upload = this.#uploads.get(id)
    if (upload === undefined) return 0
    const { size, partSize, parts } = upload
    return parts.reduce((sum, fraction, index) => sum + fraction * Math.min(partSize, size - index * partSize), 0)
  }

  ids(): string[] {
    return [...this.#uploads.keys()]
  }

  /** Calls back at most once per frame; returns the function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls the listeners back in the next frame. */
  notify(): void {
    if (this.#notified) return
    this.#notified = true
    requestAnimationFrame(() => {
      this.#notified = false
      for (const listener of this.#listeners) listener()
    })
  }
}
