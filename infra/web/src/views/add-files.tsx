import Dashboard from '@uppy/dashboard'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Uploads } from '../uploads/uppy.ts'
import { PartsBoard } from './parts-board.tsx'
import { UploadErrors } from './upload-errors.tsx'

/** Uppy's own place to drop files, and what it has to tell of them. */
export function AddFiles({ uploads }: { uploads: Uploads }): JSX.Element {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const { uppy } = uploads
    if (place.current === null) return undefined
    uppy.use(Dashboard, {
      target: place.current,
      inline: true,
      width: '100%',
      height: 280,
      theme: 'auto',
      proudlyDisplayPoweredByUppy: false,
      showProgressDetails: true,
      waitForThumbnailsBeforeUpload: false,
    } as object)
    const plugin = uppy.getPlugin('Dashboard')
    return () => {
      if (plugin !== undefined && uppy.getPlugin('Dashboard') === plugin) uppy.removePlugin(plugin)
    }
  }, [uploads])
  return (
    <div class="card uploads">
      <div ref={place} />
      <UploadErrors uploads={uploads} />
      <PartsBoard board={uploads.board} />
    </div>
  )
}
