import type { JSX } from 'preact'
import type { FileSummary } from '../api/types.ts'
import { csvOf } from '../csv.ts'
import { CopyButton } from './copy-button.tsx'
import { Icon } from './icons.tsx'
import type { Selection } from './use-selection.ts'

interface Props {
  selected: FileSummary[]
  /** Files that are shown. */
  count: number
  selection: Selection
  onDelete: () => void
}

/** What can be done with the selected files. */
export function BulkBar({ selected, count, selection, onDelete }: Props): JSX.Element {
  const references = selected.map(({ reference }) => reference).join('\n')
  return (
    <div class="bulk card" role="group" aria-label="Selected files">
      <span role="status">{selected.length} selected</span>
      <CopyButton label="Copy references" text={references} />
      <button type="button" class="button small" onClick={() => { save('files.csv', csvOf(selected)); }}><Icon name="download" /> Download list</button>
      <button type="button" class="button small danger quiet" onClick={onDelete}><Icon name="trash" /> Delete</button>
      <span class="grow" />
      {selected.length < count && <button type="button" class="button small quiet" onClick={selection.all}>Select all {count}</button>}
      <button type="button" class="button small quiet" onClick={selection.clear}>Clear selection</button>
    </div>
  )
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => { URL.revokeObjectURL(url); }, 10_000)
}
