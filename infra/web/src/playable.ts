/** Whether this browser plays a file, before it tries. */
import type { FileDetail } from './api/types.ts'
import { kindOf } from './words.ts'

/** Pictures that the API hands out inline. */
const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']

/** Containers that no browser opens in `<video>` or `<audio>`: ffprobe's names. */
const NEVER = ['avi', 'mpeg', 'mpegvideo', 'flv', 'asf', 'mxf', 'rm', 'dv', 'gxf', 'vob', 'aiff', 'amr', 'ape']

/** The same, by type, for what ffprobe has not read yet. */
const NEVER_TYPES = ['video/x-msvideo', 'video/avi', 'video/mp2t', 'video/mpeg', 'video/x-flv', 'video/x-ms-wmv', 'video/x-ms-asf', 'application/mxf', 'audio/x-ms-wma', 'audio/aiff', 'audio/x-aiff', 'audio/amr']

/** What browsers call codecs (RFC 6381), by ffprobe's names, with the container in which to ask for them. */
const CODECS: Record<string, string> = {
  h264: 'video/mp4; codecs="avc1.42E01E"', hevc: 'video/mp4; codecs="hvc1.1.6.L93.B0"', av1: 'video/mp4; codecs="av01.0.05M.08"',
  vp8: 'video/webm; codecs="vp8"', vp9: 'video/webm; codecs="vp09.00.10.08"', theora: 'video/ogg; codecs="theora"', aac: 'audio/mp4; codecs="mp4a.40.2"',
  mp3: 'audio/mpeg', opus: 'audio/webm; codecs="opus"', vorbis: 'audio/webm; codecs="vorbis"', flac: 'audio/flac', ac3: 'audio/mp4; codecs="ac-3"', eac3: 'audio/mp4; codecs="ec-3"',
}

/** Codecs that no browser decodes. */
const NEVER_CODECS = ['prores', 'dnxhd', 'mpeg2video', 'mpeg1video', 'wmv1', 'wmv2', 'wmv3', 'vc1', 'ffv1', 'huffyuv', 'cinepak', 'rawvideo', 'dts', 'truehd', 'wmav1', 'wmav2', 'alac']

export type Medium = 'video' | 'audio' | 'image'

export function mediumOf(file: FileDetail): Medium | null {
  const type = typeOf(file)
  if (type.startsWith('video/')) return 'video'
  if (type.startsWith('audio/')) return 'audio'
  return PICTURES.includes(type) ? 'image' : null
}

/** What this browser does not play in the file ("AVI video"); `null`: it may play. */
export function obstacle(file: FileDetail, canPlay: (type: string) => boolean = ask): string | null {
  if (mediumOf(file) === null || mediumOf(file) === 'image') return null
  const { ffprobe } = file
  const type = typeOf(file)
  const names = ffprobe?.format_name.split(',') ?? []
  if (names.includes('mpegts') || type === 'video/mp2t') return canPlay('video/mp2t') ? null : 'MPEG transport streams (TS)'
  if (names.some((name) => NEVER.includes(name))) return `${kindOf(file) ?? 'this'} files`
  if (ffprobe === null) return NEVER_TYPES.includes(type) ? `files of type ${type}` : null
  const codec = ffprobe.video_codec ?? ffprobe.audio_codec
  if (codec === null) return null
  const asked = CODECS[codec]
  const plays = asked === undefined ? !NEVER_CODECS.includes(codec) : canPlay(asked)
  return plays ? null : `the codec ${codec}`
}

function typeOf(file: FileDetail): string {
  return ((file.content_type ?? '').split(';')[0] ?? '').toLowerCase()
}

function ask(type: string): boolean {
  return document.createElement('video').canPlayType(type) !== ''
}
