import type { JSX } from 'preact'
import type { FileSummary } from '../api/types.ts'

const LABELS = { pending: 'Pending', running: 'Running', success: 'Ready', failed: 'Failed' } as const

export function StatusChip({ file }: { file: FileSummary }): JSX.Element {
  const { received, total } = file.progress ?? { received: 0, total: null }
  const share = total !== null && total > 0 ? `${Math.floor((received / total) * 100).toString()} %` : null
  const label = file.status === 'running' && share !== null ? share : LABELS[file.status]
  return <span class={`chip ${file.status}`} title={file.status}>{label}</span>
}
