import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Uploads } from '../uploads/uppy.ts'
import { ErrorNote } from './error-note.tsx'

interface Failed {
  name: string
  error: unknown
}

/** Why uploads failed: Uppy's panel hides that behind a question mark. */
export function UploadErrors({ uploads }: { uploads: Uploads }): JSX.Element | null {
  const [failed, setFailed] = useState<ReadonlyMap<string, Failed>>(new Map())
  useEffect(() => {
    const { uppy } = uploads
    const put = (id: string, entry: Failed | null): void => {
      setFailed((before) => {
        const after = new Map(before)
        if (entry === null) after.delete(id)
        else after.set(id, entry)
        return after
      })
    }
    const onError = (file: { id: string; name: string } | undefined, error: unknown): void => {
      if (file !== undefined) put(file.id, { name: file.name, error })
    }
    const onGone = (file: { id: string } | undefined): void => {
      if (file !== undefined) put(file.id, null)
    }
    const onRetry = (): void => { setFailed(new Map()); }
    uppy.on('upload-error', onError)
    uppy.on('upload-success', onGone)
    uppy.on('file-removed', onGone)
    uppy.on('upload-retry', onGone)
    uppy.on('retry-all', onRetry)
    return () => {
      uppy.off('upload-error', onError)
      uppy.off('upload-success', onGone)
      uppy.off('file-removed', onGone)
      uppy.off('upload-retry', onGone)
      uppy.off('retry-all', onRetry)
    }
  }, [uploads])
  if (failed.size === 0) return null
  return (
    <ul class="upload-errors" aria-label="Failed uploads">
      {[...failed].map(([id, { name, error }]) => (
        <li key={id}>
          <bdi class="name">{name}</bdi>
          <ErrorNote error={error} />
        </li>
      ))}
    </ul>
  )
}
