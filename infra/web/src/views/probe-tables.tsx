import type { JSX } from 'preact'
import type { FileDetail, ProbeDetail } from '../api/types.ts'
import { flatten } from '../format.ts'
import { streamTitle, summaryOf } from '../words.ts'
import { Table } from './table.tsx'

/** What ffprobe says: in people's words, then in full. */
export function ProbeTables({ file, probe }: { file: FileDetail; probe: ProbeDetail }): JSX.Element {
  return (
    <>
      <h3>Media</h3>
      <Table rows={summaryOf(file)} />
      {probe.streams.map((stream, index) => (
        <details key={index}>
          <summary>
            Stream {index} <span class="muted">{streamTitle(stream)}</span>
          </summary>
          <Table rows={flatten(stream)} />
        </details>
      ))}
      <details>
        <summary>Format <span class="muted">{probe.format_name}</span></summary>
        <Table rows={flatten(probe.format)} />
      </details>
    </>
  )
}
