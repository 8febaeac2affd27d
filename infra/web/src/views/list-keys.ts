import type { Selection } from './use-selection.ts'

/**
 * Keys of the library: arrows move from file to file and select with Shift; Ctrl + A selects all, Escape none, Delete asks
 * whether to delete the selected files.
 */
export function onListKey(event: KeyboardEvent & { currentTarget: HTMLElement }, selection: Selection, onDelete: () => void): void {
  const { key, shiftKey, currentTarget, target } = event
  const own = target instanceof Element ? target.closest<HTMLElement>('li.file') : null
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === 'a') selection.all()
  else if (key === 'Escape' && selection.ids.size > 0) selection.clear()
  else if (key === 'Delete' && selection.ids.size > 0) onDelete()
  else if (key.startsWith('Arrow') && own !== null) {
    const next = neighbour(currentTarget, own, key)
    if (next === null) return
    if (shiftKey) {
      if (selection.ids.size === 0) selection.toggle(own.dataset.id ?? '')
      selection.extend(next.dataset.id ?? '')
    }
    next.querySelector<HTMLElement>('.file-open')?.focus()
  } else return
  event.preventDefault()
}

/** The file before or after this one; up and down in the grid go to the row above and below. */
function neighbour(list: HTMLElement, own: HTMLElement, key: string): HTMLElement | null {
  const items = [...list.querySelectorAll<HTMLElement>('li.file')]
  const at = items.indexOf(own)
  const top = own.offsetTop
  const columns = Math.max(1, items.filter((item) => item.offsetTop === top).length)
  const steps: Record<string, number> = { ArrowDown: columns, ArrowUp: -columns, ArrowRight: 1, ArrowLeft: -1 }
  return items[at + (steps[key] ?? 0)] ?? null
}
