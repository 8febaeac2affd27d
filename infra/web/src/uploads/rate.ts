/** How far back the rate looks, in milliseconds. */
const WINDOW = 10_000

/** A rate over less than this says nothing yet, in milliseconds. */
const SHORTEST = 2_000

/** Without progress for so long there is no rate, in milliseconds. */
const STALLED = 4_000

/** The rate at which bytes were sent during the last seconds. Bytes that an earlier attempt sent are not part of it. */
export class Rate {
  #samples: { at: number; sent: number }[] = []
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Forgets everything, for example at a pause. */
  reset(): void {
    this.#samples = []
  }

  /** Notes how many bytes are sent in total. A lower number than before (a part has failed) starts again. */
  note(sent: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && sent < last.sent) this.reset()
    if (last?.sent === sent) return
    this.#samples.push({ at: this.#now(), sent })
    const oldest = this.#now() - WINDOW
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? oldest) < oldest) this.#samples.shift()
  }

  /** Bytes per second; `null` as long as there is no honest number. */
  perSecond(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (first === undefined || last === undefined) return null
    const span = this.#now() - first.at
    if (span < SHORTEST || this.#now() - last.at > STALLED || last.sent <= first.sent) return null
    return ((last.sent - first.sent) / span) * 1_000
  }

  /** Seconds until `left` more bytes are sent, at this rate. */
  secondsFor(left: number): number | null {
    const rate = this.perSecond()
    return rate === null ? null : left / rate
  }
}
