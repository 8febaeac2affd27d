import type { Page } from '@playwright/test'

/** The PUTs of parts that the page sent, with what became of them; 0 is for none: a lost connection. */
export class Puts {
  readonly all: { part: number; status: number }[] = []

  constructor(page: Page) {
    page.on('requestfinished', (request) => {
      if (request.method() !== 'PUT') return
      void request.response().then((response) => { this.#note(request.url(), response?.status() ?? 0); })
    })
    page.on('requestfailed', (request) => {
      if (request.method() === 'PUT') this.#note(request.url(), 0)
    })
  }

  /** What became of one part's PUTs, in their order. */
  of(part: number): number[] {
    return this.all.filter((put) => put.part === part).map((put) => put.status)
  }

  /** The parts that were stored, by number. */
  stored(): number[] {
    return this.all.filter((put) => put.status === 200).map((put) => put.part).sort((a, b) => a - b)
  }

  #note(url: string, status: number): void {
    this.all.push({ part: partOf(new URL(url)), status })
  }
}

/** The part's number in the URL of its PUT; 0 if it is none. */
export function partOf(url: URL): number {
  return Number(url.searchParams.get('partNumber') ?? 0)
}

/** Matches the PUTs of these parts. */
export function parts(...numbers: number[]): (url: URL) => boolean {
  return (url) => numbers.includes(partOf(url))
}
