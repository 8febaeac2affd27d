import { getDroppedFiles } from '@uppy/utils'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { urlsIn } from '../urls.ts'
import { Icon } from './icons.tsx'

interface Props {
  onFiles: (files: File[]) => void
  /** URLs were dropped or pasted. Without it, they are left alone. */
  onUrls?: (urls: string[]) => void
}

/** Takes files, folders and URLs that are dropped or pasted anywhere on the page. */
export function DropAnywhere({ onFiles, onUrls }: Props): JSX.Element | null {
  const [over, setOver] = useState(false)
  useEffect(() => {
    const stop = new AbortController()
    const on = <K extends keyof WindowEventMap>(type: K, listener: (event: WindowEventMap[K]) => void): void => {
      addEventListener(type, listener, { signal: stop.signal })
    }
    let depth = 0
    on('dragenter', (event) => {
      if (!isWelcome(event.dataTransfer)) return
      depth += 1
      setOver(true)
    })
    on('dragleave', (event) => {
      if (!isWelcome(event.dataTransfer)) return
      depth -= 1
      if (depth <= 0) setOver(false)
    })
    on('dragover', (event) => { if (isWelcome(event.dataTransfer)) event.preventDefault() })
    on('drop', (event) => {
      depth = 0
      setOver(false)
      const { dataTransfer } = event
      if (dataTransfer === null || !isWelcome(dataTransfer)) return
      event.preventDefault()
      take(dataTransfer, onFiles, onUrls)
    })
    on('paste', (event) => {
      const { clipboardData, target } = event
      if (clipboardData === null || (isEditable(target) && clipboardData.files.length === 0)) return
      take(clipboardData, onFiles, onUrls)
    })
    return () => { stop.abort(); }
  }, [onFiles, onUrls])
  if (!over) return null
  return (
    <div class="drop-over" aria-hidden="true">
      <p><Icon name="upload" /> Drop to upload</p>
    </div>
  )
}

function take(data: DataTransfer, onFiles: Props['onFiles'], onUrls: Props['onUrls']): void {
  if (data.files.length === 0) {
    const urls = urlsIn(data.getData('text/uri-list') || data.getData('text/plain'))
    if (urls.length > 0) onUrls?.(urls)
    return
  }
  void getDroppedFiles(data).then(onFiles)
}

function isWelcome(data: DataTransfer | null): boolean {
  return data !== null && (data.types.includes('Files') || data.types.includes('text/uri-list'))
}

function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
}
