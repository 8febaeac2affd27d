import type { SignedPart } from '../api/types.ts'

/** How many parts are signed with one request when one is needed: the next ones come right after it. */
const BATCH = 12

/** A URL that is about to die is not used, in milliseconds. */
const MARGIN = 120_000

type Sign = (numbers: number[]) => Promise<SignedPart[]>

/**
 * URLs of the parts of one upload, signed some at a time and shortly before they are used, so that none dies waiting. Each
 * is given out once: who asks again for a part gets a fresh one.
 */
export class Signatures {
  readonly #sign: Sign
  readonly #count: number
  readonly #ready = new Map<number, SignedPart>()
  readonly #asked = new Map<number, Promise<void>>()
  readonly #used = new Set<number>()

  constructor(count: number, sign: Sign) {
    this.#count = count
    this.#sign = sign
  }

  /** Parts that are stored already need no URL. */
  skip(numbers: Iterable<number>): void {
    for (const number of numbers) this.#used.add(number)
  }

  async take(number: number): Promise<SignedPart> {
    const early = this.#ready.get(number)
    if (early === undefined || Date.parse(early.expires_at) - Date.now() < MARGIN) {
      await (this.#asked.get(number) ?? this.#ask(number))
    }
    const part = this.#ready.get(number)
    if (part === undefined) throw new Error(`The server did not sign part ${number.toString()}.`)
    this.#ready.delete(number)
    this.#used.add(number)
    return part
  }

  #ask(number: number): Promise<void> {
    const numbers = [number]
    for (let next = number + 1; next <= this.#count && numbers.length < BATCH; next += 1) {
      const known = this.#used.has(next) || this.#ready.has(next) || this.#asked.has(next)
      if (!known) numbers.push(next)
    }
    const asked = this.#sign(numbers)
      .then((parts) => {
        for (const part of parts) this.#ready.set(part.part_number, part)
      })
      .finally(() => {
        for (const one of numbers) this.#asked.delete(one)
      })
    for (const one of numbers) this.#asked.set(one, asked)
    return asked
  }
}
