import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

interface Props {
  label: string
  class: string
  onClose: () => void
  children: ComponentChildren
}

/** The browser's own modal dialog: it keeps the focus, closes on Escape and gives the focus back. */
export function Dialog({ label, class: name, onClose, children }: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    return () => { shown?.close(); }
  }, [])
  const onClick = (event: MouseEvent): void => {
    if (event.target === dialog.current) onClose() // the backdrop belongs to the dialog
  }
  return (
    <dialog
      ref={dialog}
      class={name}
      aria-label={label}
      onClick={onClick}
      onCancel={(event) => {
        event.preventDefault()
        event.stopPropagation()
        onClose()
      }}
    >
      <div class="dialog-body">{children}</div>
    </dialog>
  )
}
