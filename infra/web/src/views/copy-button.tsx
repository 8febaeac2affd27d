import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { wordsOf } from '../api/client.ts'
import { copyText } from '../clipboard.ts'
import { Icon } from './icons.tsx'

/** How long the button says that it has copied, in milliseconds. */
const SAID_FOR = 2_500

interface Props {
  label: string
  /** The text, or a function that returns it. */
  text: string | (() => Promise<string>)
  /** Shows only the icon. */
  small?: boolean
}

/** Copies a text, and confirms it. */
export function CopyButton({ label, text, small = false }: Props): JSX.Element {
  const [said, setSaid] = useState<string | null>(null)
  useEffect(() => {
    if (said === null) return undefined
    const timer = setTimeout(() => { setSaid(null); }, SAID_FOR)
    return () => { clearTimeout(timer); }
  }, [said])
  const copy = async (button: Element): Promise<void> => {
    try {
      await copyText(typeof text === 'string' ? text : text(), button)
      setSaid('Copied')
    } catch (error) {
      setSaid(wordsOf(error))
    }
  }
  return (
    <button type="button" class="button small copy" {...(small && { 'aria-label': label })} onClick={(event) => void copy(event.currentTarget)}>
      <Icon name={said === 'Copied' ? 'check' : 'copy'} /> <span aria-live="polite">{said ?? (small ? 'Copy' : label)}</span>
    </button>
  )
}
