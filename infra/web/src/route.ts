import { useEffect, useState } from 'preact/hooks'
import type { Filters } from './api/client.ts'

/** Orders that the web app makes itself, of the files that are loaded. */
export const SORTS = ['name', 'size', 'length'] as const
export type Sort = '' | (typeof SORTS)[number]

/** What is shown, as the fragment of the address says. The fragment never leaves the browser, and never holds a key. */
export interface Route extends Filters {
  sort: Sort
  /** What names contain. */
  search: string
  /** The cursor of the page; the first page has none. */
  cursor: string | null
  /** The id of the open file. */
  file: string | null
}

export const START: Route = { status: '', type: '', source: '', order: 'desc', sort: '', search: '', cursor: null, file: null }

const VALUES = {
  status: ['pending', 'running', 'success', 'failed'],
  type: ['video', 'audio', 'image', 'other'],
  source: ['upload', 'url'],
  sort: SORTS,
} as const

/** The state of a history entry. */
interface Trail {
  /** The cursors of the pages before this one. */
  pages: (string | null)[]
  /** Whether the entry before this one shows the same list without the open file. */
  opened: boolean
}

export function readRoute(fragment: string): Route {
  const query = new URLSearchParams(fragment.replace(/^#/, ''))
  const known = (name: keyof typeof VALUES): string => {
    const value = query.get(name) ?? ''
    return (VALUES[name] as readonly string[]).includes(value) ? value : ''
  }
  return {
    status: known('status'),
    type: known('type'),
    source: known('source'),
    order: query.get('order') === 'asc' ? 'asc' : 'desc',
    sort: known('sort') as Sort,
    search: query.get('search') ?? '',
    cursor: query.get('cursor'),
    file: /^[0-9a-f-]{36}$/i.exec(query.get('file') ?? '')?.[0] ?? null,
  }
}

/** The fragment without `#`; what is as usual is left out. */
export function writeRoute(route: Route): string {
  const changed = Object.entries(route).filter(([name, value]) => value !== null && value !== START[name as keyof Route])
  return new URLSearchParams(changed as [string, string][]).toString()
}

/** The address of one file for somebody who has a key. */
export function addressOfFile(id: string): string {
  return `${location.origin}${location.pathname}#${writeRoute({ ...START, file: id })}`
}

/** Takes the library's state out of the address, so that the next key does not see it. */
export function forgetRoute(): void {
  history.replaceState(null, '', location.pathname + location.search)
}

export interface Navigation {
  route: Route
  /** How many pages come before this one; `null`: unknown, since the address was opened from outside. */
  pagesBefore: number | null
  /** Shows something else; the page that is left is one step back. */
  go: (change: Partial<Route>) => void
  /** The same without a step in the history, for what changes with every key press. */
  replace: (change: Partial<Route>) => void
  nextPage: (cursor: string) => void
  previousPage: () => void
  close: () => void
}

function trail(): Trail {
  const state = history.state as Partial<Trail> | null
  return { pages: Array.isArray(state?.pages) ? state.pages : [], opened: state?.opened === true }
}

/** The address as state: Back and Forward work, and an address that is typed or pasted, too. */
export function useRoute(): Navigation {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useEffect(() => {
    const stop = new AbortController()
    const read = (): void => { setRoute(readRoute(location.hash)); }
    addEventListener('popstate', read, { signal: stop.signal })
    addEventListener('hashchange', read, { signal: stop.signal })
    return () => { stop.abort(); }
  }, [])

  const show = (change: Partial<Route>, next: Trail, how: 'pushState' | 'replaceState'): void => {
    const shown = { ...route, ...change }
    const fragment = writeRoute(shown)
    setRoute(shown)
    try {
      history[how](next, '', fragment === '' ? location.pathname + location.search : `#${fragment}`)
    } catch {
      // Browsers refuse very many changes in a short time: the address lags, what is shown does not.
    }
  }
  const { pages } = trail()
  return {
    route,
    pagesBefore: route.cursor === null ? 0 : pages.length > 0 ? pages.length : null,
    go: (change) => {
      const samePages = Object.keys(change).every((name) => name === 'file')
      show(samePages ? change : { cursor: null, ...change }, { pages: samePages ? trail().pages : [], opened: 'file' in change }, 'pushState')
    },
    replace: (change) => { show(change, trail(), 'replaceState'); },
    nextPage: (cursor) => { show({ cursor }, { pages: [...trail().pages, route.cursor], opened: false }, 'pushState'); },
    previousPage: () => {
      const before = trail().pages
      show({ cursor: before.at(-1) ?? null }, { pages: before.slice(0, -1), opened: false }, 'pushState')
    },
    close: () => {
      if (trail().opened) history.back()
      else show({ file: null }, trail(), 'replaceState')
    },
  }
}
