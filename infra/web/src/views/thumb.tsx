import type { JSX } from 'preact'
import type { Client } from '../api/client.ts'
import type { FileSummary } from '../api/types.ts'
import { duration, kind, lengthOf } from '../format.ts'
import { Icon } from './icons.tsx'
import { usePoster } from './posters.ts'

/** A file's poster, or an icon of its type, with its length. */
export function Thumb({ client, file }: { client: Client; file: FileSummary }): JSX.Element {
  const { place, address, failed } = usePoster(client, file)
  const type = kind(file.content_type)
  const seconds = lengthOf(file)
  return (
    <span class={`thumb file-icon ${type}`} ref={place}>
      {address === null ? <Icon name={type} /> : <img src={address} alt="" onError={failed} />}
      {seconds !== null && <span class="length">{duration(seconds)}</span>}
    </span>
  )
}
