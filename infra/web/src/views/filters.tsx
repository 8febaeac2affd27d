import type { JSX } from 'preact'
import type { Filters } from '../api/client.ts'

export const ALL: Filters = { status: '', type: '', source: '', order: 'desc' }

const CHOICES = {
  status: [['', 'Any status'], ['success', 'Ready'], ['running', 'Running'], ['pending', 'Pending'], ['failed', 'Failed']],
  type: [['', 'Any type'], ['video', 'Video'], ['audio', 'Audio'], ['image', 'Image'], ['other', 'Other']],
  source: [['', 'Any source'], ['upload', 'Uploaded'], ['url', 'Imported']],
  order: [['desc', 'Newest first'], ['asc', 'Oldest first']],
} as const

const LABELS = { status: 'Status', type: 'Type', source: 'Source', order: 'Order' } as const

export function isFiltered(filters: Filters): boolean {
  return filters.status !== '' || filters.type !== '' || filters.source !== ''
}

export function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }): JSX.Element {
  return (
    <div class="filters" role="group" aria-label="Filters">
      {(['status', 'type', 'source', 'order'] as const).map((name) => (
        <select
          key={name}
          name={name}
          aria-label={LABELS[name]}
          class={name !== 'order' && filters[name] !== '' ? 'set' : ''}
          value={filters[name]}
          onChange={(event) => { onChange({ ...filters, [name]: event.currentTarget.value }); }}
        >
          {CHOICES[name].map(([value, label]) => (
            <option key={value} value={value}>{label}</option>
          ))}
        </select>
      ))}
    </div>
  )
}
