import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { type Navigation, type Route, SORTS, type Sort } from '../route.ts'
import { Icon } from './icons.tsx'

const CHOICES = {
  status: [['', 'Any status'], ['success', 'Ready'], ['running', 'Running'], ['pending', 'Pending'], ['failed', 'Failed']],
  type: [['', 'Any type'], ['video', 'Video'], ['audio', 'Audio'], ['image', 'Image'], ['other', 'Other']],
  source: [['', 'Any source'], ['upload', 'Uploaded'], ['url', 'Imported']],
} as const

const LABELS = { status: 'Status', type: 'Type', source: 'Source' } as const

const ORDERS = [['desc', 'Newest first'], ['asc', 'Oldest first'], ['name', 'By name'], ['size', 'Largest first'], ['length', 'Longest first']] as const

export type View = 'list' | 'grid'

export function isFiltered(route: Route): boolean {
  return route.status !== '' || route.type !== '' || route.source !== ''
}

interface Props {
  navigation: Navigation
  view: View
  onView: (view: View) => void
}

/** Search, filters, order, and the switch between list and grid. */
export function FilterBar({ navigation, view, onView }: Props): JSX.Element {
  const { route, go, replace } = navigation
  const [open, setOpen] = useState(false)
  const set = (['status', 'type', 'source'] as const).filter((name) => route[name] !== '').length
  return (
    <div class="bar" role="group" aria-label="Filters">
      <input
        type="search"
        class="search"
        aria-label="Search names"
        placeholder="Search"
        autocomplete="off"
        spellcheck={false}
        value={route.search}
        onInput={(event) => { replace({ search: event.currentTarget.value }); }}
      />
      <button type="button" class="button small filters-switch" aria-expanded={open} onClick={() => { setOpen(!open); }}>
        Filters{set > 0 && ` (${set.toString()})`}
      </button>
      <div class={open ? 'filters open' : 'filters'}>
        {(['status', 'type', 'source'] as const).map((name) => (
          <select
            key={name}
            name={name}
            aria-label={LABELS[name]}
            class={route[name] !== '' ? 'set' : ''}
            value={route[name]}
            onChange={(event) => { go({ [name]: event.currentTarget.value }); }}
          >
            {CHOICES[name].map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
        ))}
        <select
          name="order"
          aria-label="Order"
          value={route.sort === '' ? route.order : route.sort}
          onChange={(event) => { go(orderOf(event.currentTarget.value)); }}
        >
          {ORDERS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
      </div>
      <div class="views" role="group" aria-label="View">
        {(['list', 'grid'] as const).map((name) => (
          <button key={name} type="button" class="button quiet square" aria-label={name === 'list' ? 'List' : 'Grid'} aria-pressed={view === name} onClick={() => { onView(name); }}>
            <Icon name={name} />
          </button>
        ))}
      </div>
    </div>
  )
}

function orderOf(value: string): Pick<Route, 'order' | 'sort'> {
  const sort = (SORTS as readonly string[]).includes(value) ? (value as Sort) : ''
  return { sort, order: value === 'asc' ? 'asc' : 'desc' }
}
