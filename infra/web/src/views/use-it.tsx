import type { JSX } from 'preact'
import type { Client } from '../api/client.ts'
import type { FileDetail } from '../api/types.ts'
import { addressOfFile } from '../route.ts'
import { curlOf, ffmpegOf } from '../snippets.ts'
import { CopyButton } from './copy-button.tsx'

/** Ways to refer to a file elsewhere, each with a button that copies it. None has a key in it. */
export function UseIt({ client, file }: { client: Client; file: FileDetail }): JSX.Element {
  const link = addressOfFile(file.id)
  const ready = file.status === 'success'
  const ffmpeg = async (): Promise<string> => ffmpegOf(file, await client.addressOf(file, 'attachment'))
  return (
    <>
      <h3>Use it elsewhere</h3>
      <ul class="use-it">
        <Line name="Link" text={link} hint="For everyone with a key" />
        <Line name="Reference" text={file.reference} />
        {ready && <Line name="curl" text={curlOf(file)} />}
        {ready && <Line name="FFmpeg" text={ffmpegOf(file, '…')} copied={ffmpeg} hint="With a URL that works for an hour" />}
        <Line name="JSON" text="The file object, as the API returns it" copied={() => Promise.resolve(JSON.stringify(file, null, 2))} />
      </ul>
    </>
  )
}

interface LineProps {
  name: string
  text: string
  hint?: string
  /** What is copied, where that is not the text itself. */
  copied?: () => Promise<string>
}

function Line({ name, text, hint, copied }: LineProps): JSX.Element {
  return (
    <li>
      <span class="grow">
        <span class="use-name">{name}{hint !== undefined && <small class="muted"> · {hint}</small>}</span>
        <code><bdi>{text}</bdi></code>
      </span>
      <CopyButton label={`Copy ${name}`} text={copied ?? text} small />
    </li>
  )
}
