import type { FileSummary } from './api/types.ts'
import { lengthOf } from './format.ts'
import type { Route } from './route.ts'

const BY_NAME = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** The loaded files whose names contain what is searched for, in the chosen order. */
export function arrange(files: readonly FileSummary[], { search, sort }: Pick<Route, 'search' | 'sort'>): FileSummary[] {
  const words = search.toLocaleLowerCase().split(/\s+/).filter((word) => word !== '')
  const found = files.filter(({ name }) => words.every((word) => name.toLocaleLowerCase().includes(word)))
  if (sort === 'name') found.sort((a, b) => BY_NAME.compare(a.name, b.name))
  if (sort === 'size') found.sort((a, b) => (b.size ?? -1) - (a.size ?? -1))
  if (sort === 'length') found.sort((a, b) => (lengthOf(b) ?? -1) - (lengthOf(a) ?? -1))
  return found
}
