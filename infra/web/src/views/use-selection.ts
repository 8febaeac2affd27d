import { useEffect, useRef, useState } from 'preact/hooks'

export interface Selection {
  ids: ReadonlySet<string>
  /** Selects or deselects one. */
  toggle: (id: string) => void
  /** Selects all from the last one that was toggled to this one. */
  extend: (id: string) => void
  all: () => void
  clear: () => void
}

/** The selected ones of some files, in the order in which they are shown. It is empty again when `scope` changes. */
export function useSelection(shown: readonly string[], scope: string): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set())
  const anchor = useRef<string | null>(null)
  const clear = (): void => {
    anchor.current = null
    setIds(new Set())
  }
  useEffect(clear, [scope])
  const there = new Set(shown)
  const kept = new Set([...ids].filter((id) => there.has(id)))
  return {
    ids: kept,
    toggle: (id) => {
      anchor.current = id
      const next = new Set(kept)
      if (!next.delete(id)) next.add(id)
      setIds(next)
    },
    extend: (id) => {
      const from = shown.indexOf(anchor.current ?? id)
      const to = shown.indexOf(id)
      anchor.current ??= id
      const range = shown.slice(Math.min(from, to), Math.max(from, to) + 1)
      setIds(new Set([...kept, ...range]))
    },
    all: () => { setIds(new Set(shown)); },
    clear,
  }
}
