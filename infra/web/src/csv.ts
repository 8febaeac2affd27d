import type { FileSummary } from './api/types.ts'

const COLUMNS = ['id', 'name', 'status', 'size', 'content_type', 'duration', 'width', 'height', 'created_at', 'reference', 'download_url'] as const

/** Files as a table by RFC 4180, for spreadsheets. */
export function csvOf(files: readonly FileSummary[]): string {
  const rows = files.map((file) => {
    const facts = { ...file, duration: file.ffprobe?.duration, width: file.ffprobe?.width, height: file.ffprobe?.height }
    return COLUMNS.map((column) => cell(facts[column]))
  })
  return [COLUMNS, ...rows].map((row) => row.join(',')).join('\r\n') + '\r\n'
}

/** Text that a spreadsheet would take for a formula gets an apostrophe before it. */
function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return value.toString()
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
