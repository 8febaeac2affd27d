import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ProgressBoard } from '../uploads/progress.ts'

/** Cells that are drawn at most; each then stands for several parts. */
const MOST_CELLS = 96

/** The parts of running uploads, one cell each. */
export function PartsBoard({ board }: { board: ProgressBoard }): JSX.Element | null {
  const [, redraw] = useState(0)
  useEffect(() => board.subscribe(() => { redraw((count) => count + 1); }), [board])
  const uploads = board.all()
  if (uploads.length === 0) return null
  return (
    <ul class="parts" aria-label="Parts of running uploads">
      {uploads.map(([id, { name, parts }]) => (
        <li key={id}>
          <div class="parts-head">
            <bdi class="name">{name}</bdi>
            <span class="muted">
              {parts.filter((fraction) => fraction >= 1).length} of {parts.length} parts
            </span>
          </div>
          <div class="cells" aria-hidden="true">
            {grouped(parts).map((fraction, index) => (
              <i key={index} class={fraction >= 1 ? 'whole' : ''} style={{ '--fill': fraction.toFixed(3) }} />
            ))}
          </div>
        </li>
      ))}
    </ul>
  )
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
