import type { JSX } from 'preact'
import type { Preview, PreviewFormat } from '../api/types.ts'
import { bitRate, bytes, kind } from '../format.ts'
import { Icon } from './icons.tsx'
import { originRows } from './origin-rows.ts'
import { Table } from './table.tsx'

/** What an import would bring. */
export function PreviewCard({ preview }: { preview: Preview }): JSX.Element {
  const type = preview.kind === 'page' ? 'video' : kind(preview.content_type)
  return (
    <section class="preview" aria-label="Preview">
      <div class="preview-head">
        <span class={`file-icon ${type}`}><Icon name={type} /></span>
        <h3><bdi>{preview.name}</bdi></h3>
      </div>
      <Table rows={[...factsOf(preview), ...originRows(preview.origin)]} />
      {preview.formats.length > 0 && (
        <details>
          <summary>Formats <span class="muted">{preview.formats.length}</span></summary>
          <ul class="formats">
            {preview.formats.map((format, index) => (
              <li key={index} class={format.chosen ? 'chosen' : ''}>{wordsOf(format)}{format.chosen && ' · chosen'}</li>
            ))}
          </ul>
        </details>
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
    width === null || height === null ? null : `${width.toString()} × ${height.toString()}`,
    format.bit_rate === null ? null : bitRate(format.bit_rate),
    format.size === null ? null : bytes(format.size),
    format.video_codec,
    format.audio_codec,
  ]
  const facts = words.filter((word) => word !== null)
  return facts.length > 0 ? facts.join(' · ') : 'nothing is known about it'
}
