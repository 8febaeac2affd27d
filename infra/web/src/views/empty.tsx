import type { JSX } from 'preact'
import type { Navigation } from '../route.ts'
import { isFiltered } from './filters.tsx'

interface Props {
  navigation: Navigation
  /** Files of this page, before the search. */
  loaded: number
  /** Whether there is another page. */
  more: boolean
}

/** Says why there is no file to show, and what to do. */
export function Empty({ navigation, loaded, more }: Props): JSX.Element {
  const { route, go, replace } = navigation
  const onward = more ? ' The next page may hold some.' : ''
  if (loaded > 0) {
    return (
      <div class="card empty">
        <h2>No name contains “{route.search}”</h2>
        <p class="muted">The search covers the {loaded} files of this page.{onward}</p>
        <button type="button" class="button" onClick={() => { replace({ search: '' }); }}>Clear the search</button>
      </div>
    )
  }
  if (isFiltered(route)) {
    return (
      <div class="card empty">
        <h2>No file fits</h2>
        <p class="muted">No file {more ? 'of this page ' : ''}matches all filters.{onward}</p>
        <button type="button" class="button" onClick={() => { go({ status: '', type: '', source: '' }); }}>Clear filters</button>
      </div>
    )
  }
  return (
    <div class="card empty">
      <h2>Nothing here yet</h2>
      <p class="muted">Choose some files, or import one from a URL. They show up here at once, with their facts as soon as ffprobe has read them.</p>
    </div>
  )
}

/** The place of files that are not here yet. */
export function Skeleton(): JSX.Element {
  return (
    <div class="card files skeleton" aria-hidden="true">
      {[0, 1, 2].map((row) => <div key={row} class="file"><i /><i class="grow" /></div>)}
    </div>
  )
}
