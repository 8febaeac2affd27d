import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { bytes, remaining } from '../format.ts'
import { Rate } from '../uploads/rate.ts'
import { type Totals, type UploadRow, totalsOf } from '../uploads/rows.ts'
import type { Uploads } from '../uploads/uppy.ts'
import { UploadItem } from './upload-item.tsx'

/** Rows that are drawn at most: a folder may have thousands of files. */
const MOST_ROWS = 50

/** Milliseconds between two updates of the rate, so that it drops to 0 without progress. */
const EVERY = 1_000

/** The uploads of this tab: totals, then a row for each that is not done. */
export function UploadPanel({ uploads }: { uploads: Uploads }): JSX.Element | null {
  const [rows, setRows] = useState<UploadRow[]>([])
  const rate = useRef(new Rate())
  useEffect(() => {
    const look = (): void => { setRows(uploads.rows()); }
    const timer = setInterval(() => { if (uploads.rows().some(({ state }) => state === 'sending')) look() }, EVERY)
    const stop = uploads.board.subscribe(look)
    return () => {
      clearInterval(timer)
      stop()
    }
  }, [uploads])
  if (rows.length === 0) return null
  const totals = totalsOf(rows)
  if (totals.active > 0) rate.current.note(totals.sent)
  else rate.current.reset()
  const shown = rows.filter(({ state }) => state !== 'done')
  shown.sort((a, b) => order(a) - order(b))
  return (
    <section class="upload-panel" aria-label="Uploads">
      <div class="upload-head">
        <p role="status">{headline(totals)}</p>
        {totals.active > 0 && <p class="muted">{speedOf(totals, rate.current)}</p>}
        <progress value={totals.share} max={1} aria-label="All uploads" />
        <Buttons uploads={uploads} rows={rows} totals={totals} />
      </div>
      {shown.length > 0 && (
        <ul class="upload-rows" aria-label="Running and failed uploads">
          {shown.slice(0, MOST_ROWS).map((row) => <UploadItem key={row.id} row={row} uploads={uploads} />)}
        </ul>
      )}
      {shown.length > MOST_ROWS && <p class="upload-more muted">and {shown.length - MOST_ROWS} more</p>}
    </section>
  )
}

function Buttons({ uploads, rows, totals }: { uploads: Uploads; rows: UploadRow[]; totals: Totals }): JSX.Element {
  const each = (act: (row: UploadRow) => void) => () => { rows.forEach(act); }
  const sending = rows.filter(({ state }) => state === 'sending').length
  const unfinished = totals.count - totals.done - totals.failed
  return (
    <div class="actions">
      {sending > 0 && <button type="button" class="button small" onClick={each((row) => { uploads.pause(row); })}>Pause</button>}
      {totals.paused > 0 && <button type="button" class="button small" onClick={each((row) => { uploads.resume(row); })}>Resume</button>}
      {totals.failed > 1 && <button type="button" class="button small" onClick={each((row) => { uploads.retry(row); })}>Retry all</button>}
      {unfinished > 0 && (
        <button type="button" class="button small quiet" onClick={() => { uploads.cancel(rows.filter(({ state }) => state !== 'failed' && state !== 'done')); }}>Cancel</button>
      )}
      {unfinished === 0 && (
        <button type="button" class="button small quiet" onClick={() => { uploads.cancel(rows); }}>Clear</button>
      )}
    </div>
  )
}

/** Failed ones first, because they need an action; then those in transfer. */
function order({ state }: UploadRow): number {
  return ['failed', 'sending', 'paused', 'waiting', 'done'].indexOf(state)
}

function headline({ count, done, failed, active, paused }: Totals): string {
  const files = count === 1 ? '1 file' : `${count.toString()} files`
  const failures = failed === 0 ? '' : `, ${failed.toString()} failed`
  if (active > 0) return `Uploading ${files}: ${done.toString()} done${failures}`
  if (paused > 0) return `Paused: ${done.toString()} of ${files} done${failures}`
  if (failed > 0) return `${done.toString()} of ${files} uploaded${failures}`
  return `${files} uploaded`
}

function speedOf(totals: Totals, rate: Rate): string {
  const perSecond = rate.perSecond()
  const seconds = rate.secondsFor(totals.left)
  const parts = [`${bytes(totals.sent)} of ${bytes(totals.sent + totals.left)}`]
  if (perSecond !== null) parts.push(`${bytes(perSecond)}/s`)
  if (seconds !== null && totals.left > 0) parts.push(remaining(seconds))
  return parts.join(' · ')
}
