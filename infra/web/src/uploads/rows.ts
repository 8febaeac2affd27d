import type { Chosen } from './chosen.ts'
import type { ProgressBoard } from './progress.ts'

/** One chosen file, as the list of uploads shows it. */
export interface UploadRow {
  /** Uppy's id of the file. */
  id: string
  name: string
  size: number
  state: 'waiting' | 'sending' | 'paused' | 'done' | 'failed'
  /** Bytes. */
  sent: number
  /** Of every part, 0 to 1; empty before the upload is announced. */
  parts: readonly number[]
  error: unknown
}

export function rowOf(file: Chosen, error: unknown, fileId: string | undefined, board: ProgressBoard): UploadRow {
  const size = file.size ?? 0
  const state = stateOf(file)
  const sent = state === 'done' ? size : fileId === undefined ? 0 : board.sent(fileId)
  const parts = fileId === undefined ? [] : (board.get(fileId)?.parts ?? [])
  return { id: file.id, name: file.name, size, state, sent, parts, error: error ?? file.error ?? null }
}

function stateOf(file: Chosen): UploadRow['state'] {
  if (file.error !== undefined && file.error !== null) return 'failed'
  if (file.progress.uploadComplete) return 'done'
  if (file.isPaused === true) return 'paused'
  return file.progress.uploadStarted === null ? 'waiting' : 'sending'
}

/** All rows in numbers. */
export interface Totals {
  count: number
  done: number
  failed: number
  paused: number
  active: number
  /** 0 to 1. Files without bytes count by their number. */
  share: number
  sent: number
  left: number
}

/** Adds the rows up. Failed uploads are not part of what is left. */
export function totalsOf(rows: readonly UploadRow[]): Totals {
  const of = (state: UploadRow['state']): number => rows.filter((row) => row.state === state).length
  const going = rows.filter((row) => row.state !== 'failed')
  const size = going.reduce((sum, row) => sum + row.size, 0)
  const sent = going.reduce((sum, row) => sum + row.sent, 0)
  const share = size > 0 ? sent / size : of('done') / Math.max(1, going.length)
  const active = of('sending') + of('waiting')
  return { count: rows.length, done: of('done'), failed: of('failed'), paused: of('paused'), active, share, sent, left: size - sent }
}
