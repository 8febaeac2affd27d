import type { JSX, RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { type Medium, obstacle } from '../playable.ts'
import { ErrorNote } from './error-note.tsx'

/** How often a URL that fails is replaced: it may have died since. */
const FRESH_URLS = 1

interface Props {
  client: Client
  file: FileDetail
  medium: Medium
  /** The media element, for chapters that seek in it. */
  player: RefObject<HTMLMediaElement>
}

/** Plays a file by a URL that needs no key, because `<video>` cannot send a header. Shows a note instead if the browser cannot play the file. */
export function Player({ client, file, medium, player }: Props): JSX.Element {
  const missing = obstacle(file)
  if (missing === null) return <Playing client={client} file={file} medium={medium} player={player} />
  return <p class="note cannot-play">This browser does not play {missing}. Download the file to play it in another program.</p>
}

function Playing({ client, file, medium, player }: Props): JSX.Element {
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
  if (address === null) return <div class={`player waiting ${medium}`} aria-hidden="true" />
  if (medium === 'image') return <img class="player" src={address} alt={file.name} onError={onError} />
  if (medium === 'audio') return <audio class="player" ref={player} src={address} controls preload="metadata" aria-label={file.name} onError={onError} />
  return <video class="player" ref={player as RefObject<HTMLVideoElement>} src={address} controls playsInline preload="metadata" aria-label={file.name} onError={onError} />
}
