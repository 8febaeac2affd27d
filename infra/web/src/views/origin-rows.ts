import type { Origin } from '../api/types.ts'
import { duration } from '../format.ts'
import { subtitlesOf } from '../words.ts'

/** What a page says, as rows of a table: texts only, since they are a stranger's. */
export function originRows(origin: Origin | null): [string, string][] {
  if (origin === null) return []
  const rows: [string, string | null][] = [
    ['Title', origin.title],
    ['Uploader', origin.uploader],
    ['Duration', origin.duration === null ? null : duration(origin.duration)],
    ['Site', origin.site],
    ['Published', origin.upload_date],
    ['Page', origin.page_url],
    ['Picture', origin.thumbnail_url],
    ['Subtitles', subtitlesOf(origin)],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== null)
}
