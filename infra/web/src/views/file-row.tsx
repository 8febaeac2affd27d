import type { JSX } from 'preact'
import type { FileSummary } from '../api/types.ts'
import { bytes, date, duration, kind } from '../format.ts'
import { Icon } from './icons.tsx'
import { StatusChip } from './status-chip.tsx'

interface Props {
  file: FileSummary
  onOpen: () => void
  onDelete: () => void
}

export function FileRow({ file, onOpen, onDelete }: Props): JSX.Element {
  const type = kind(file.content_type)
  return (
    <li class="file">
      <button type="button" class="file-open" onClick={onOpen}>
        <span class={`file-icon ${type}`}><Icon name={type} /></span>
        <span class="grow">
          <bdi class="name">{file.name}</bdi>
          <span class="facts muted">{factsOf(file).map((fact) => <><span key={fact}>{fact}</span>{' '}</>)}</span>
          {file.error !== null && <span class="file-error">{file.error}</span>}
        </span>
        <StatusChip file={file} />
      </button>
      <button type="button" class="button quiet square" aria-label={`Delete ${file.name}`} title="Delete" onClick={onDelete}>
        <Icon name="trash" />
      </button>
    </li>
  )
}

function factsOf(file: FileSummary): string[] {
  const { width = null, height = null, duration: seconds = null } = file.ffprobe ?? {}
  const still = kind(file.content_type) === 'image'
  return [
    bytes(file.size),
    seconds === null || still ? '' : duration(seconds),
    width === null || height === null ? '' : `${width.toString()} × ${height.toString()}`,
    file.source === 'url' ? 'imported' : '',
    date(file.created_at),
  ].filter((fact) => fact !== '')
}
