import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { ErrorNote } from './error-note.tsx'

/** Pictures that the API hands out inline. */
const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']

/** How often a URL that fails is replaced: it may have died since. */
const FRESH_URLS = 1

type Medium = 'video' | 'audio' | 'image'

export function mediumOf(file: FileDetail): Medium | null {
  const type = (file.content_type ?? '').split(';')[0] ?? ''
  if (type.startsWith('video/')) return 'video'
  if (type.startsWith('audio/')) return 'audio'
  return PICTURES.includes(type) ? 'image' : null
}

/** Plays a file by a URL that needs no key, for `<video>` can send no header. */
export function Player({ client, file, medium }: { client: Client; file: FileDetail; medium: Medium }): JSX.Element | null {
  const [address, setAddress] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    let wanted = true
    client.addressOf({ download_url: file.download_url }, 'inline').then(
      (url) => { if (wanted) setAddress(url); },
      (refused: unknown) => { if (wanted) setError(refused); },
    )
    return () => { wanted = false; }
  }, [client, file.download_url, attempt])
  const onError = (): void => {
    if (attempt < FRESH_URLS) setAttempt(attempt + 1)
    else setError(new Error('This browser cannot play the file. It can be downloaded all the same.'))
  }
  if (error !== null) return <ErrorNote error={error} />
  if (address === null) return <div class="player waiting" aria-hidden="true" />
  if (medium === 'image') return <img class="player" src={address} alt={file.name} onError={onError} />
  if (medium === 'audio') return <audio class="player" src={address} controls preload="metadata" onError={onError} />
  return <video class="player" src={address} controls playsInline preload="metadata" aria-label={file.name} onError={onError} />
}
