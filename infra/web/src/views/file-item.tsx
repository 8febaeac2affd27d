import { Component, type JSX } from 'preact'
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
  acts: Acts
}

/** What can be done with a file of the library. The same object for all files and for as long as the library is there. */
export interface Acts {
  toggle: (file: FileSummary, range: boolean) => void
  open: (file: FileSummary) => void
  remove: (file: FileSummary) => void
  done: (message: string) => void
}

/** One file of the library. It is drawn again only if it has changed: a page may have many. */
export class FileItem extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return (Object.keys(next) as (keyof Props)[]).some((name) => next[name] !== this.props[name])
  }

  override render(props: Props): JSX.Element {
    return <Item {...props} />
  }
}

/** In a row or in the grid. */
function Item({ client, file, retrying, selected, acts }: Props): JSX.Element {
  const onToggle = (range: boolean): void => { acts.toggle(file, range); }
  const click = (event: MouseEvent): void => {
    if (event.shiftKey || event.ctrlKey || event.metaKey) onToggle(event.shiftKey)
    else acts.open(file)
  }
  return (
    <li class={selected ? 'file selected' : 'file'} data-id={file.id}>
      <label class="file-check">
        <input
          type="checkbox"
          checked={selected}
          aria-label={`Select ${file.name}`}
          onClick={(event) => {
            const { shiftKey } = event
            event.preventDefault() // the state decides, also after Shift
            setTimeout(() => { onToggle(shiftKey); }, 0) // after the browser has taken its own check back
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
        {file.status === 'failed' && file.source === 'url' && <RetryImport client={client} file={file} onDone={acts.done} />}
        <button type="button" class="button quiet square" aria-label={`Delete ${file.name}`} title="Delete" onClick={() => { acts.remove(file); }}>
          <Icon name="trash" />
        </button>
      </span>
    </li>
  )
}

/** Why an import backs off, and the time of the next try. */
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
