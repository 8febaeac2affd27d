import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Conflict, Saving } from './use-change.ts'

interface Props {
  saving: Saving
  conflict: Conflict
  onTheirs: () => void
}

/** Shows what somebody else has changed, and asks what to do. */
export function ConflictNote({ saving, conflict, onTheirs }: Props): JSX.Element {
  const first = useRef<HTMLButtonElement>(null)
  useEffect(() => { first.current?.focus(); }, [])
  return (
    <div class="note conflict" role="alert">
      <p>Nothing is saved yet: somebody has changed this file since you opened it.</p>
      <ul>
        {conflict.differences.map(({ field, before, after }) => (
          <li key={field}><b><bdi>{field}</bdi></b>: <del><bdi>{shown(field, before)}</bdi></del> → <ins><bdi>{shown(field, after)}</bdi></ins></li>
        ))}
      </ul>
      <div class="actions">
        <button ref={first} type="button" class="button small" disabled={saving.busy} onClick={onTheirs}>Discard my change</button>
        <button type="button" class="button small primary" disabled={saving.busy} onClick={() => void saving.overwrite()}>Save mine, too</button>
      </div>
    </div>
  )
}

function shown(field: string, value: string | null): string {
  if (field === 'Deleted on') return value === null ? 'never' : new Date(value).toLocaleString()
  return value ?? 'not there'
}
