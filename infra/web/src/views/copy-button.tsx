import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { wordsOf } from '../api/client.ts'
import { copyText } from '../clipboard.ts'
import { Icon } from './icons.tsx'

/** How long the button says that it has copied, in milliseconds. */
const SHOWN_FOR = 2_500

interface Props {
  label: string
  /** The text, or a function that returns it. */
  text: string | (() => Promise<string>)
  /** Shows only the icon. */
  small?: boolean
}

/** Copies a text, and confirms it. */
export function CopyButton({ label, text, small = false }: Props): JSX.Element {
  const [outcome, setOutcome] = useState<string | null>(null)
  useEffect(() => {
    if (outcome === null) return undefined
    const timer = setTimeout(() => { setOutcome(null); }, SHOWN_FOR)
    return () => { clearTimeout(timer); }
  }, [outcome])
  const copy = async (button: Element): Promise<void> => {
    try {
      await copyText(typeof text === 'string' ? text : text(), button)
      setOutcome('Copied')
    } catch (error) {
      setOutcome(wordsOf(error))
    }
  }
  return (
    <button type="button" class="button small copy" {...(small && { 'aria-label': label })} onClick={(event) => void copy(event.currentTarget)}>
      <Icon name={outcome === 'Copied' ? 'check' : 'copy'} /> <span aria-live="polite">{outcome ?? (small ? 'Copy' : label)}</span>
    </button>
  )
}
