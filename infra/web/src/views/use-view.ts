import { useState } from 'preact/hooks'
import type { View } from './filters.tsx'

const ITEM = 'files.view'

/** List or grid, as chosen the last time. */
export function useView(): [View, (view: View) => void] {
  const [view, setView] = useState<View>(() => (read() === 'grid' ? 'grid' : 'list'))
  const choose = (to: View): void => {
    setView(to)
    try {
      localStorage.setItem(ITEM, to)
    } catch {
      // Without storage the choice ends with the tab.
    }
  }
  return [view, choose]
}

function read(): string | null {
  try {
    return localStorage.getItem(ITEM)
  } catch {
    return null
  }
}
