import type { JSX } from 'preact'
import type { Client } from '../api/client.ts'
import type { FileSummary, Retrying } from '../api/types.ts'
import { bytes, date, duration, lengthOf } from '../format.ts'
import { Icon } from './icons.tsx'
import { RetryImport } from './retry-import.tsx'
import { StatusChip } from './status-chip.tsx'
import { Thumb } from './thumb.tsx'

interface Props {
  client: Client
  file: FileSummary
  retrying: Retrying | null
  selected: boolean
  onToggle: (range: boolean) => void
  onOpen: () => void
  onDelete: () => void
  onDone: (message: string) => void
}

/** One file of the library, in a row or in the grid. */
export function FileItem({ client, file, retrying, selected, onToggle, onOpen, onDelete, onDone }: Props): JSX.Element {
  const click = (event: MouseEvent): void => {
    if (event.shiftKey || event.ctrlKey || event.metaKey) onToggle(event.shiftKey)
    else onOpen()
  }
  return (
    <li class={selected ? 'file selected' : 'file'} data-id={file.id}>
      <label class="file-check">
        <input
          type="checkbox"
          checked={selected}
          aria-label={`Select ${file.name}`}
          onClick={(event) => {
            event.preventDefault() // the state decides, also after Shift
            onToggle(event.shiftKey)
          }}
        />
      </label>
      <button type="button" class="file-open" onClick={click}>
        <Thumb client={client} file={file} />
        <span class="grow">
          <span class="name"><bdi>{file.name}</bdi></span>
          <span class="facts muted">{factsOf(file).map(([name, fact]) => <span key={name} class={`${name}-fact`}>{fact}</span>)}</span>
          {file.error !== null && <span class="file-error">{file.error}</span>}
          {retrying !== null && <span class="file-retrying">{nextTry(retrying)}</span>}
        </span>
        <StatusChip file={file} retrying={retrying} />
      </button>
      <span class="file-acts">
        {file.status === 'failed' && file.source === 'url' && <RetryImport client={client} file={file} onDone={onDone} />}
        <button type="button" class="button quiet square" aria-label={`Delete ${file.name}`} title="Delete" onClick={onDelete}>
          <Icon name="trash" />
        </button>
      </span>
    </li>
  )
}

/** Why an import backs off, and when it is tried again. */
export function nextTry({ reason, next_try_at }: Retrying): string {
  const at = new Date(next_try_at)
  const words = reason.charAt(0).toUpperCase() + reason.slice(1)
  return `${words}. Next try at ${at.toLocaleTimeString()}.`
}

function factsOf(file: FileSummary): [string, string][] {
  const { width = null, height = null } = file.ffprobe ?? {}
  const seconds = lengthOf(file)
  const facts: [string, string][] = [
    ['size', bytes(file.size)],
    ['length', seconds === null ? '' : duration(seconds)],
    ['dimensions', width === null || height === null ? '' : `${width.toString()} × ${height.toString()}`],
    ['source', file.source === 'url' ? 'imported' : ''],
    ['date', date(file.created_at)],
  ]
  return facts.filter(([, fact]) => fact !== '')
}
