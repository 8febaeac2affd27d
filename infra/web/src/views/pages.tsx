import type { JSX } from 'preact'
import type { Navigation } from '../route.ts'

/** Leads to the next and the previous page; to the first one where the way back is unknown. */
export function Pages({ navigation, next, stale }: { navigation: Navigation; next: string | null; stale: boolean }): JSX.Element | null {
  const { route, pagesBefore, go, nextPage, previousPage } = navigation
  if (route.cursor === null && next === null) return null
  return (
    <nav class="pages" aria-label="Pages">
      {pagesBefore === null
        ? <button type="button" class="button" disabled={stale} onClick={() => { go({ cursor: null }); }}>First page</button>
        : <button type="button" class="button" disabled={pagesBefore === 0 || stale} onClick={previousPage}>Previous</button>}
      {pagesBefore !== null && <span class="muted">Page {pagesBefore + 1}</span>}
      <button type="button" class="button" disabled={next === null || stale} onClick={() => { if (next !== null) nextPage(next) }}>Next</button>
    </nav>
  )
}
