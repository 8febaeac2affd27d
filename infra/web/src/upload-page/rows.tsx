import type { JSX } from 'preact'
import { bytes } from '../format.ts'
import { type UploadRow, totalsOf } from '../uploads/rows.ts'
import type { Uploaded, Uploads } from '../uploads/uppy.ts'
import { Icon } from '../views/icons.tsx'
import { explain, isExpired } from './reasons.ts'

interface Props {
  uploads: Uploads
  /** All but the finished ones. */
  rows: UploadRow[]
  sent: Uploaded[]
}

/** The chosen files: failed ones first, finished ones last. */
export function Rows({ uploads, rows, sent }: Props): JSX.Element | null {
  if (rows.length === 0 && sent.length === 0) return null
  const sorted = [...rows].sort((a, b) => Number(b.state === 'failed') - Number(a.state === 'failed'))
  return (
    <section class="uploads" aria-label="Uploads">
      <p class="headline" role="status">{headline(rows, sent.length)}</p>
      <ul>
        {sorted.map((row) => <Row key={row.id} uploads={uploads} row={row} />)}
        {sent.map(({ id, name, size }) => (
          <li key={id} class="row done">
            <Icon name="check" />
            <span class="grow"><bdi class="name">{name}</bdi> <span class="muted">{bytes(size)}</span></span>
            <span class="muted">Arrived</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Row({ uploads, row }: { uploads: Uploads; row: UploadRow }): JSX.Element {
  const { name, size, sent, state, error } = row
  const failed = state === 'failed'
  const { message, retry } = failed ? explain(error) : { message: '', retry: false }
  return (
    <li class={`row ${state}`}>
      <span class="grow">
        <bdi class="name">{name}</bdi> <span class="muted">{failed || state === 'waiting' ? bytes(size) : `${bytes(sent)} of ${bytes(size)}`}</span>
        {!failed && <progress value={size > 0 ? sent / size : 0} max={1} aria-label={`Upload of ${name}`} />}
        {failed && <span class="refusal" role="alert">{message}</span>}
      </span>
      {failed && retry && <button type="button" class="button small" aria-label={`Try ${name} again`} onClick={() => { uploads.retry(row); }}>Try again</button>}
      {!(failed && isExpired(error)) && (
        <button type="button" class="button quiet square" aria-label={failed ? `Remove ${name}` : `Cancel ${name}`} onClick={() => { uploads.cancel([row]); }}>
          <Icon name="close" />
        </button>
      )}
    </li>
  )
}

function headline(rows: UploadRow[], arrived: number): string {
  const { active, paused, failed } = totalsOf(rows)
  const under = active + paused
  const failures = failed === 0 ? '' : ` ${countOf(failed)} not uploaded.`
  if (under > 0) return `Uploading ${countOf(under)}. Keep this page open.${failures}`
  return `${arrived === 0 ? '' : `${countOf(arrived)} arrived. Thank you.`}${failures}`.trim()
}

function countOf(count: number): string {
  return count === 1 ? '1 file' : `${count.toString()} files`
}
