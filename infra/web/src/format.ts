/** Figures for people. */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** As Uppy counts: 1 KB is 1024 B. */
export function bytes(count: number | null): string {
  if (count === null) return ''
  let value = count
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`
}

/** `0:03`, `12:34`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number): string => value.toString().padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h.toString()}:${two(m)}:${two(s)}` : `${m.toString()}:${two(s)}`
}

/** A still takes no time, though FFmpeg counts one frame, in seconds. */
const ONE_FRAME = 0.1

/** A file's length in seconds; `null` for stills and for what has none. */
export function lengthOf(file: { content_type: string | null; ffprobe: { duration: number | null } | null }): number | null {
  const seconds = file.ffprobe?.duration ?? null
  return kind(file.content_type) === 'image' && seconds !== null && seconds <= ONE_FRAME ? null : seconds
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })

export function date(text: string): string {
  const then = new Date(text)
  return then.toDateString() === new Date().toDateString() ? `Today, ${TIME.format(then)}` : DATE.format(then)
}

export function bitRate(perSecond: number): string {
  return perSecond >= 1_000_000 ? `${(perSecond / 1_000_000).toFixed(2)} Mbit/s` : `${Math.round(perSecond / 1000).toString()} kbit/s`
}

/** What kind of media a type names. */
export function kind(contentType: string | null): 'video' | 'audio' | 'image' | 'other' {
  const [first] = (contentType ?? '').split('/')
  return first === 'video' || first === 'audio' || first === 'image' ? first : 'other'
}

/** Nested JSON as lines of a table: `tags.language`, `disposition.default`. */
export function flatten(value: Record<string, unknown>, before = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]): [string, string][] => {
    const path = before === '' ? name : `${before}.${name}`
    if (inner === null || inner === undefined) return []
    if (typeof inner === 'object' && !Array.isArray(inner)) return flatten(inner as Record<string, unknown>, path)
    const text = typeof inner === 'string' ? inner : JSON.stringify(inner)
    // ffprobe lists every disposition there is; those that are not set say nothing.
    return before === 'disposition' && text === '0' ? [] : [[path, text]]
  })
}

/** How long something still takes, rounded as coarsely as it is known. */
export function remaining(seconds: number): string {
  if (seconds < 10) return 'a few seconds left'
  if (seconds < 55) return `about ${(Math.round(seconds / 10) * 10).toString()} s left`
  const minutes = Math.max(1, Math.round(seconds / 60))
  if (minutes < 60) return `about ${minutes.toString()} min left`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `about ${hours.toString()} h left` : `about ${Math.round(hours / 24).toString()} days left`
}
