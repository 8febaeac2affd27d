/** What ffprobe says, in people's words. */
import type { FileDetail, Origin, ProbeDetail } from './api/types.ts'
import { bitRate, duration, kind, lengthOf } from './format.ts'

type Stream = Record<string, unknown>

const VIDEO_CODECS: Record<string, string> = {
  h264: 'H.264', hevc: 'H.265 (HEVC)', av1: 'AV1', vp8: 'VP8', vp9: 'VP9', mpeg4: 'MPEG-4', mpeg2video: 'MPEG-2', mpeg1video: 'MPEG-1',
  prores: 'ProRes', dnxhd: 'DNxHD', mjpeg: 'Motion JPEG', theora: 'Theora', wmv3: 'WMV 9', vc1: 'VC-1', ffv1: 'FFV1', rawvideo: 'uncompressed',
}

const AUDIO_CODECS: Record<string, string> = {
  aac: 'AAC', mp3: 'MP3', opus: 'Opus', vorbis: 'Vorbis', flac: 'FLAC', alac: 'Apple Lossless', ac3: 'Dolby Digital', eac3: 'Dolby Digital Plus',
  truehd: 'Dolby TrueHD', dts: 'DTS', wmav2: 'WMA', mp2: 'MP2',
}

const CONTAINERS: Record<string, string> = {
  avi: 'AVI', mpegts: 'MPEG transport stream (TS)', mpeg: 'MPEG', flv: 'Flash video', asf: 'Windows Media', mp3: 'MP3', wav: 'WAV', flac: 'FLAC',
  ogg: 'Ogg', aac: 'AAC', mxf: 'MXF', gif: 'GIF', apng: 'PNG', aiff: 'AIFF', caf: 'Core Audio',
}

const PICTURES: Record<string, string> = {
  png: 'PNG', apng: 'PNG', jpeg: 'JPEG', jpg: 'JPEG', gif: 'GIF', webp: 'WebP', avif: 'AVIF', heic: 'HEIC', heif: 'HEIF', bmp: 'BMP', tiff: 'TIFF', 'svg+xml': 'SVG',
}

/** "MP4 video", "PNG picture", "MP3 audio". */
export function kindOf(file: FileDetail): string | null {
  const type = (file.content_type ?? '').split(';')[0] ?? ''
  const subtype = type.split('/')[1] ?? ''
  const medium = kind(type)
  if (medium === 'image') return `${PICTURES[subtype] ?? subtype.toUpperCase()} picture`
  if (file.ffprobe === null) return null
  const container = containerOf(file.ffprobe, subtype)
  return medium === 'other' ? container : `${container} ${medium}`
}

function containerOf({ format_name }: ProbeDetail, subtype: string): string {
  const names = format_name.split(',')
  if (names.includes('mp4')) return subtype === 'quicktime' ? 'QuickTime' : subtype.includes('m4a') ? 'M4A' : 'MP4'
  if (names.includes('matroska')) return subtype === 'webm' ? 'WebM' : 'Matroska'
  const [first = ''] = names
  return CONTAINERS[first] ?? first.replace(/_pipe$/, '').toUpperCase()
}

/** The facts that people ask for. */
export function summaryOf(file: FileDetail): [string, string][] {
  const { ffprobe } = file
  if (ffprobe === null) return []
  const still = kind(file.content_type) === 'image'
  const seconds = lengthOf(file)
  const video = ffprobe.streams.find((stream) => stream.codec_type === 'video' && !isCover(stream))
  const audio = ffprobe.streams.filter((stream) => stream.codec_type === 'audio')
  const rows: [string, string | null][] = [
    ['Kind', kindOf(file)],
    ['Length', seconds === null ? null : lengthIn(seconds, ffprobe)],
    ['Dimensions', ffprobe.width === null || ffprobe.height === null ? null : `${ffprobe.width.toString()} × ${ffprobe.height.toString()}`],
    ['Rotation', ffprobe.rotation === null || ffprobe.rotation === 0 ? null : `turned by ${ffprobe.rotation.toString()}°`],
    ['Video', still || video === undefined ? null : videoOf(video, ffprobe)],
    ['Dynamic range', rangeOf(ffprobe, video)],
    ['Bit depth', (ffprobe.color?.bit_depth ?? 8) === 8 ? null : `${String(ffprobe.color?.bit_depth)} bit`],
    ['Audio', audio[0] === undefined ? null : audioOf(audio[0])],
    ['Audio languages', languages(audio)],
    ['Subtitles', languages(ffprobe.streams.filter((stream) => stream.codec_type === 'subtitle'), true)],
    ['Bit rate', ffprobe.bit_rate === null || still ? null : bitRate(ffprobe.bit_rate)],
    ['Recorded', typeof ffprobe.creation_time === 'string' ? new Date(ffprobe.creation_time).toLocaleString() : null],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}

/** An estimate says that it is one. */
export function lengthIn(seconds: number, { duration_source }: Pick<ProbeDetail, 'duration_source'>): string {
  return duration_source === 'estimated' ? `about ${duration(seconds)} (estimated)` : `${duration(seconds)} (${seconds.toString()} s)`
}

const RANGES: Record<string, string> = { hdr10: 'HDR (PQ)', hlg: 'HDR (HLG)', dolby_vision: 'HDR (Dolby Vision)' }

/** By the API's own field, else by the stream. */
function rangeOf({ hdr }: ProbeDetail, video: Stream | undefined): string | null {
  if (typeof hdr === 'string') return RANGES[hdr] ?? `HDR (${hdr})`
  return video === undefined ? null : dynamicRange(video)
}

function videoOf(stream: Stream, { frame_rate }: ProbeDetail): string {
  const codec = text(stream.codec_name) ?? 'unknown'
  const rate = frame_rate === null ? [] : [`${Number(frame_rate.toFixed(3)).toString()} frames per second`]
  return [VIDEO_CODECS[codec] ?? codec, ...rate].join(', ')
}

/** "AAC, stereo, 48 kHz". */
export function audioOf(stream: Stream): string {
  const codec = text(stream.codec_name) ?? 'unknown'
  const rate = Number(stream.sample_rate)
  const named = codec.startsWith('pcm_') ? 'uncompressed (PCM)' : (AUDIO_CODECS[codec] ?? codec)
  return [named, channels(stream), rate > 0 ? `${(rate / 1000).toString()} kHz` : null].filter((word) => word !== null).join(', ')
}

function channels(stream: Stream): string | null {
  const count = Number(stream.channels)
  if (!(count > 0)) return null
  if (count === 1) return 'mono'
  if (count === 2) return 'stereo'
  const layout = /^\d+\.\d+(\.\d+)?/.exec(text(stream.channel_layout) ?? '')?.[0]
  return layout === undefined ? `${count.toString()} channels` : `${layout} surround`
}

/** HDR by its transfer function (ITU-T H.273), or Dolby Vision; `null` for the usual range. */
export function dynamicRange(stream: Stream): string | null {
  const sides = Array.isArray(stream.side_data_list) ? (stream.side_data_list as Stream[]) : []
  const vision = sides.some((side) => (text(side.side_data_type) ?? '').startsWith('DOVI')) ? ', Dolby Vision' : ''
  if (stream.color_transfer === 'smpte2084') return `HDR (PQ${vision})`
  if (stream.color_transfer === 'arib-std-b67') return `HDR (HLG${vision})`
  return vision === '' ? null : 'HDR (Dolby Vision)'
}

/** The languages of streams; `counted` also counts streams without one. */
function languages(streams: readonly Stream[], counted = false): string | null {
  const names = streams.map((stream) => languageOf(stream)).filter((name) => name !== null)
  if (names.length > 0) return [...new Set(names)].join(', ')
  return counted && streams.length > 0 ? `${streams.length.toString()} without a language` : null
}

const LANGUAGES = new Intl.DisplayNames('en', { type: 'language', fallback: 'code' })

function languageOf({ tags }: Stream): string | null {
  return languageName(text((tags as Stream | undefined)?.language))
}

function languageName(code: string | null): string | null {
  if (code === null || code === 'und') return null
  try {
    return LANGUAGES.of(code) ?? code
  } catch {
    return code
  }
}

/** "Video, H.264", "Audio, AAC, stereo, 48 kHz, German". */
export function streamTitle(stream: Stream): string {
  const type = text(stream.codec_type) ?? 'data'
  const codec = text(stream.codec_name)
  const what = type === 'audio' ? audioOf(stream) : codec === null ? null : (VIDEO_CODECS[codec] ?? codec)
  return [type.charAt(0).toUpperCase() + type.slice(1), what, languageOf(stream)].filter((word) => word !== null).join(', ')
}

export interface Chapter {
  title: string
  /** Seconds. */
  start: number
  end: number
}

/** The file's own chapters; without any, those that its page lists. */
export function chaptersOf({ chapters, duration }: ProbeDetail, origin: Origin | null): Chapter[] {
  const own = chapters.map((chapter, index) => {
    const title = text((chapter.tags as Stream | undefined)?.title) ?? numbered(index)
    return { title, start: Number(chapter.start_time), end: Number(chapter.end_time) }
  }).filter(({ start, end }) => Number.isFinite(start) && end > start)
  if (own.length > 0) return own
  const listed = origin?.chapters ?? []
  return listed.map(({ start, end, title }, index) => {
    const until = end ?? listed[index + 1]?.start ?? duration ?? start
    return { title: title ?? numbered(index), start, end: Math.min(until, duration ?? until) }
  }).filter(({ start, end }) => end > start)
}

function numbered(index: number): string {
  return `Chapter ${(index + 1).toString()}`
}

/** "English, German (SDH), French (automatic)"; `null` without any. */
export function subtitlesOf({ subtitles = [] }: Origin): string | null {
  const names = subtitles.map(({ language, name, automatic }) => {
    const known = languageName(language)
    const more = [known === null || name === known ? null : name, automatic ? 'automatic' : null].filter((word) => word !== null)
    return [known ?? name ?? 'Unknown language', more.length > 0 ? ` (${more.join(', ')})` : ''].join('')
  })
  return names.length > 0 ? [...new Set(names)].join(', ') : null
}

function isCover({ disposition }: Stream): boolean {
  return (disposition as Stream | undefined)?.attached_pic === 1
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
