import type { JSX } from 'preact'
import type { ProbeDetail } from '../api/types.ts'
import { bitRate, duration, flatten } from '../format.ts'

/** What ffprobe says, first in short and then in full. */
export function ProbeTables({ probe }: { probe: ProbeDetail }): JSX.Element {
  return (
    <>
      <h3>Media</h3>
      <Table rows={summary(probe)} />
      {probe.streams.map((stream, index) => (
        <details key={index}>
          <summary>
            Stream {index} <span class="muted">{titleOf(stream)}</span>
          </summary>
          <Table rows={flatten(stream)} />
        </details>
      ))}
      <details>
        <summary>Format <span class="muted">{probe.format_name}</span></summary>
        <Table rows={flatten(probe.format)} />
      </details>
      {probe.chapters.length > 0 && (
        <details>
          <summary>Chapters <span class="muted">{probe.chapters.length}</span></summary>
          {probe.chapters.map((chapter, index) => <Table key={index} rows={flatten(chapter)} />)}
        </details>
      )}
    </>
  )
}

export function Table({ rows }: { rows: [string, string][] }): JSX.Element {
  return (
    <table>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td><bdi>{value}</bdi></td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function summary(probe: ProbeDetail): [string, string][] {
  const rows: [string, string | null][] = [
    ['Container', probe.format_name],
    ['Duration', probe.duration === null ? null : `${duration(probe.duration)} (${probe.duration.toString()} s)`],
    ['Dimensions', probe.width === null || probe.height === null ? null : `${probe.width.toString()} × ${probe.height.toString()}`],
    ['Frame rate', probe.frame_rate === null ? null : `${Number(probe.frame_rate.toFixed(3)).toString()} fps`],
    ['Bit rate', probe.bit_rate === null ? null : bitRate(probe.bit_rate)],
    ['Video codec', probe.video_codec],
    ['Audio codec', probe.audio_codec],
    ['Rotation', probe.rotation === null ? null : `${probe.rotation.toString()}°`],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}

function titleOf(stream: Record<string, unknown>): string {
  return [stream.codec_type, stream.codec_name].filter((text) => typeof text === 'string').join(', ')
}
