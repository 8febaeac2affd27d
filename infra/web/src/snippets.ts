import type { FileDetail } from './api/types.ts'

/** A text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Downloads a file with curl. The key comes from the environment. */
export function curlOf(file: FileDetail): string {
  return `curl -fL -H "X-API-KEY: $FILES_API_KEY" -o ${quoted(safeName(file.name))} ${quoted(file.download_url)}`
}

/** Reads a file with FFmpeg by a URL that needs no key. */
export function ffmpegOf(file: FileDetail, url: string): string {
  const { name } = file
  const dot = name.lastIndexOf('.')
  const stem = dot > 0 ? name.slice(0, dot) : name
  return `ffmpeg -i ${quoted(url)} ${quoted(safeName(`${stem}-out${output(file)}`))}`
}

function output({ content_type, name }: FileDetail): string {
  const type = content_type ?? ''
  if (type.startsWith('video/')) return '.mp4'
  if (type.startsWith('audio/')) return '.m4a'
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot) : ''
}

/** A name that no program takes for an option. */
function safeName(name: string): string {
  return name.startsWith('-') ? `./${name}` : name
}
