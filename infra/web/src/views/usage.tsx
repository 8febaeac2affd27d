import type { JSX } from 'preact'
import type { Client } from '../api/client.ts'
import { bytes } from '../format.ts'
import { useUsage } from './use-usage.ts'

/** Share of a limit from which the bar shows a warning. */
const ALMOST = 0.9

/** The stored files and bytes, with a bar for each limit, and the running work. */
export function UsageTotals({ client, version }: { client: Client; version: string }): JSX.Element | null {
  const usage = useUsage(client, version)
  if (usage === null) return null
  const { used, limits } = usage
  const busy = [
    [used.pending_uploads, limits.pending_uploads, 'upload waits for its bytes', 'uploads wait for their bytes'],
    [used.imports, limits.imports, 'import is under way', 'imports are under way'],
  ] as const
  return (
    <section class="usage card" aria-label="Usage">
      <h2>Usage</h2>
      <div class="usage-bars">
        <Total label="Stored" used={used.stored_bytes} limit={limits.stored_bytes} words={bytes} />
        <Total label="Files" used={used.files} limit={limits.files} words={(count) => count.toLocaleString()} />
      </div>
      {busy.some(([count]) => count > 0) && (
        <p class="muted">
          {busy.filter(([count]) => count > 0).map(([count, limit, one, several]) =>
            `${count.toLocaleString()} ${count === 1 ? one : several}${limit === null ? '' : ` (at most ${limit.toLocaleString()})`}`).join(' · ')}
        </p>
      )}
    </section>
  )
}

interface TotalProps {
  label: string
  used: number
  /** `null`: there is none. */
  limit: number | null
  words: (value: number) => string
}

function Total({ label, used, limit, words }: TotalProps): JSX.Element {
  const share = limit === null ? 0 : limit > 0 ? used / limit : 1
  const state = share >= 1 ? 'full' : share >= ALMOST ? 'almost full' : ''
  return (
    <div class={state === '' ? 'total' : 'total near'}>
      <p><span class="muted">{label}</span> <b>{words(used)}</b>{limit !== null && <span class="muted"> of {words(limit)}</span>}{state !== '' && <span class="chip failed">{state}</span>}</p>
      {limit !== null && <progress value={Math.min(1, share)} max={1} aria-label={`${label}: share of the limit`} />}
    </div>
  )
}
