/** What the API sends; infra/api/openapi.yaml describes it. Fields that this page does not use are left out. */

export type Status = 'pending' | 'running' | 'success' | 'failed'

export interface FileSummary {
  id: string
  name: string
  source: 'upload' | 'url'
  status: Status
  created_at: string
  updated_at: string
  /** Bytes, announced or stored. */
  size: number | null
  content_type: string | null
  checksum: Record<string, string> | null
  progress: { received: number; total: number | null } | null
  expires_at: string | null
  reference: string
  download_url: string
  error: string | null
  ffprobe: ProbeSummary | null
  ffprobe_error: string | null
  /** Where a JPEG of it is, in deployments that make posters. */
  poster_url?: string | null
  /** While an import backs off. */
  retrying?: Retrying | null
}

export interface Retrying {
  reason: string
  next_try_at: string
}

export interface ProbeSummary {
  width: number | null
  height: number | null
  /** Seconds. */
  duration: number | null
  /** Whether the file states its duration, or it is an estimate. */
  duration_source?: string | null
  format_name: string
  /** Whether ffprobe reached its limit of reads, so that facts are missing. */
  partial?: boolean
}

export interface ProbeDetail extends ProbeSummary {
  video_codec: string | null
  audio_codec: string | null
  frame_rate: number | null
  bit_rate: number | null
  rotation: number | null
  hdr?: string | null
  color?: { bit_depth?: number | null } | null
  creation_time?: string | null
  format: Record<string, unknown>
  streams: Record<string, unknown>[]
  chapters: Record<string, unknown>[]
}

export interface FileDetail extends FileSummary {
  ffprobe: ProbeDetail | null
  source_url: string | null
  origin: Origin | null
  metadata: Record<string, string>
}

/** What a web page states about its media; untrusted text. */
export interface Origin {
  title: string | null
  uploader: string | null
  page_url: string | null
  /** Seconds. */
  duration: number | null
  site: string | null
  thumbnail_url: string | null
  upload_date: string | null
  chapters?: PageChapter[]
  subtitles?: PageSubtitle[]
}

/** In seconds. */
export interface PageChapter {
  start: number
  end: number | null
  title: string | null
}

export interface PageSubtitle {
  /** A tag of BCP 47; `und` if the page names none. */
  language: string
  name: string | null
  format: string
  url: string
  automatic: boolean
}

/** What importing a URL would bring. */
export interface Preview {
  kind: 'media' | 'page'
  name: string
  content_type: string | null
  size: number | null
  resumable: boolean
  origin: Origin | null
  formats: PreviewFormat[]
}

export interface PreviewFormat {
  chosen: boolean
  extension: string | null
  width: number | null
  height: number | null
  bit_rate: number | null
  size: number | null
  video_codec: string | null
  audio_codec: string | null
}

/** One PUT of all bytes. */
export interface SinglePut {
  method: 'PUT'
  url: string
  headers: Record<string, string>
  expires_at: string
}

/** Many PUTs, each signed when its turn comes. */
export interface InParts {
  part_size: number
  part_count: number
  expires_at: string
}

export interface CreatedFile extends FileSummary {
  upload?: SinglePut | InParts
}

export interface SignedPart {
  part_number: number
  url: string
  headers?: Record<string, string>
  expires_at: string
}

export interface StoredPart {
  part_number: number
  size: number
}

export interface PartsPage {
  parts: StoredPart[]
  /** Where the next page begins; null on the last. */
  next: number | null
  part_size: number
  part_count: number
}

export interface Page {
  files: FileSummary[]
  next_cursor: string | null
}

/** The one shape of all errors; the gateway's own have a `message` alone. */
export interface ErrorBody {
  message?: string
  reason?: string
  request_id?: string
  details?: { field?: string; reason?: string; message?: string }[]
}

/** The result for one of several files of a deletion. */
export interface DeletionResult {
  id: string
  /** The HTTP status, as of a deletion of this file alone. */
  status: number
  error?: ErrorBody
}

/** The usage and the limits of an owner; `null`: no limit. */
export interface Usage {
  used: { stored_bytes: number; files: number; pending_uploads: number; imports: number }
  limits: { stored_bytes: number | null; files: number | null; pending_uploads: number | null; imports: number | null }
}

/** The bounds of an upload token; a missing one is unlimited. */
export interface TokenBounds {
  /** Seconds in which it creates files. */
  ttl: number
  max_files?: number
  /** Bytes. */
  max_size?: number
  content_types?: string[]
  metadata?: Record<string, string>
}

export interface UploadToken {
  id: string
  token: string
  expires_at: string
}
