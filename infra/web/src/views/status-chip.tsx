import type { JSX } from 'preact'
import type { FileSummary, Retrying } from '../api/types.ts'

const LABELS = { pending: 'Pending', running: 'Running', success: 'Ready', failed: 'Failed' } as const

/** The state of a file in a word or two. */
export function StatusChip({ file, retrying = null }: { file: FileSummary; retrying?: Retrying | null }): JSX.Element {
  if (retrying !== null) return <span class="chip pending" title={retrying.reason}>Retrying</span>
  if (file.status === 'success' && file.ffprobe_error !== null) {
    const label = file.ffprobe === null ? unreadable(file.ffprobe_error) : 'Partial'
    return <span class="chip plain" title={file.ffprobe_error}>{label}</span>
  }
  const { received, total } = file.progress ?? { received: 0, total: null }
  const share = total !== null && total > 0 ? `${Math.floor((received / total) * 100).toString()} %` : null
  const label = file.status === 'running' && share !== null ? share : LABELS[file.status]
  return <span class={`chip ${file.status}`} title={file.status}>{label}</span>
}

/** Stored, but without facts of ffprobe: most such files are no media at all. */
function unreadable(why: string): string {
  if (why.startsWith('not a media file')) return 'No media'
  return why === 'the file is empty' ? 'Empty' : 'Unreadable'
}
