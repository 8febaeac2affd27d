/** Which API, and as whom. Both live as long as the tab: nothing is kept on the disk, and nothing of it is ever part of a URL. */

declare const __FILES_API__: string

export interface Connection {
  /** Base address, with `/v1`, without a slash at its end. */
  base: string
  key: string
}

const ITEM = 'files.connection'

/** The address that the form shows at first: the one the page was built for, else the page's own host. */
export function usualBase(): string {
  return __FILES_API__ === '' ? `${location.origin}/v1` : __FILES_API__
}

export function loadConnection(): Connection | null {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(ITEM) ?? 'null')
    if (found !== null && typeof found === 'object' && 'base' in found && 'key' in found) {
      const { base, key } = found
      return typeof base === 'string' && typeof key === 'string' ? { base, key } : null
    }
  } catch {
    // What is not ours to read counts as not there.
  }
  return null
}

export function saveConnection(connection: Connection): void {
  sessionStorage.setItem(ITEM, JSON.stringify(connection))
}

export function forgetConnection(): void {
  sessionStorage.removeItem(ITEM)
}

/** The typed address in the form that requests use; an error's message is for the person who typed it. */
export function readBase(typed: string): string {
  const text = typed.trim()
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new Error('The API address must begin with http:// or https://.')
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new Error('The API address must be without a query, a fragment and a user name.')
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
