import type { JSX } from 'preact'
import type { Preview, PreviewFormat } from '../api/types.ts'
import { bitRate, bytes } from '../format.ts'
import { originRows } from './origin-rows.ts'
import { Table } from './probe-tables.tsx'

/** What an import would bring. */
export function PreviewCard({ preview }: { preview: Preview }): JSX.Element {
  return (
    <section class="preview" aria-label="Preview">
      <h3><bdi>{preview.name}</bdi></h3>
      <Table rows={[...factsOf(preview), ...originRows(preview.origin)]} />
      {preview.formats.length > 0 && (
        <>
          <h3>Formats</h3>
          <ul class="formats">
            {preview.formats.map((format, index) => (
              <li key={index} class={format.chosen ? 'chosen' : ''}>{wordsOf(format)}{format.chosen && ' · this one'}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

function factsOf(preview: Preview): [string, string][] {
  const size = preview.size === null ? 'unknown' : `${bytes(preview.size)} (${preview.size.toLocaleString()} bytes)`
  return [
    ['Type', preview.content_type ?? 'unknown'],
    ['Size', size],
    ['Resumable', preview.resumable ? 'yes' : 'no'],
  ]
}

function wordsOf(format: PreviewFormat): string {
  const { width, height } = format
  const words = [
    format.extension,
    width === null || height === null ? null : `${width.toString()}×${height.toString()}`,
    format.bit_rate === null ? null : bitRate(format.bit_rate),
    format.size === null ? null : bytes(format.size),
    format.video_codec,
    format.audio_codec,
  ]
  const said = words.filter((word) => word !== null)
  return said.length > 0 ? said.join(' · ') : 'nothing is said of it'
}
