import type { JSX } from 'preact'
import { bytes } from '../format.ts'
import type { UploadRow } from '../uploads/rows.ts'
import type { Uploads } from '../uploads/uppy.ts'
import { ErrorNote } from './error-note.tsx'
import { Icon } from './icons.tsx'

/** Cells that are drawn at most; each then stands for several parts. */
const MOST_CELLS = 96

/** One upload: its name, how far it is, its one message if it failed, and what can be done. */
export function UploadItem({ row, uploads }: { row: UploadRow; uploads: Uploads }): JSX.Element {
  const { name, state, parts } = row
  return (
    <li class={`upload ${state}`}>
      <div class="upload-line">
        <span class="grow"><span class="name"><bdi>{name}</bdi></span></span>
        {state === 'sending' && <Act icon="pause" label={`Pause ${name}`} onClick={() => { uploads.pause(row); }} />}
        {state === 'paused' && <Act icon="play" label={`Resume ${name}`} onClick={() => { uploads.resume(row); }} />}
        {state === 'failed' && (
          <button type="button" class="button small" aria-label={`Retry ${name}`} onClick={() => { uploads.retry(row); }}>Retry</button>
        )}
        <Act icon="close" label={state === 'failed' ? `Discard ${name}` : `Cancel ${name}`} onClick={() => { uploads.cancel([row]); }} />
      </div>
      {state === 'failed' ? <ErrorNote error={row.error} /> : <p class="muted">{progressOf(row)}</p>}
      {parts.length > 1 && (
        <div class="cells" aria-hidden="true">
          {grouped(parts).map((fraction, index) => (
            <i key={index} class={fraction >= 1 ? 'whole' : ''} style={{ '--fill': fraction.toFixed(3) }} />
          ))}
        </div>
      )}
    </li>
  )
}

function Act({ icon, label, onClick }: { icon: 'pause' | 'play' | 'close'; label: string; onClick: () => void }): JSX.Element {
  return <button type="button" class="button quiet square" aria-label={label} title={label} onClick={onClick}><Icon name={icon} /></button>
}

function progressOf({ state, size, sent, parts }: UploadRow): string {
  const done = parts.filter((fraction) => fraction >= 1).length
  const words = state === 'waiting' ? [bytes(size)] : [`${bytes(sent)} of ${bytes(size)}`]
  if (parts.length > 1) words.push(`${done.toString()} of ${parts.length.toString()} parts`)
  if (state !== 'sending') words.push(state)
  return words.join(' · ')
}

function grouped(parts: readonly number[]): number[] {
  const size = Math.ceil(parts.length / MOST_CELLS)
  const groups: number[] = []
  for (let at = 0; at < parts.length; at += size) {
    const group = parts.slice(at, at + size)
    groups.push(group.reduce((sum, fraction) => sum + fraction, 0) / group.length)
  }
  return groups
}
