// @uppy/aws-s3 as its documentation configures it, against this API. infra/docs/api.md shows this file.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

const [api, key] = location.hash.slice(1).split('&').map(decodeURIComponent) // a test's; never do so with a key

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers = { 'X-API-KEY': key ?? '', 'Content-Type': 'application/json' }
  const response = await fetch(`${api ?? ''}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status.toString()}`)
  return (response.status === 204 ? null : await response.json()) as T
}

const MIB = 1024 * 1024
const uppy = new Uppy({ autoProceed: true }).use(AwsS3, {
  shouldUseMultipart: (file) => (file.size ?? 0) > 16 * MIB,
  // How the server cuts: 8 MiB, or as many whole MiB as 10,000 parts need.
  getChunkSize: ({ size }) => Math.max(8 * MIB, Math.ceil(size / 10_000 / MIB) * MIB),
  async getUploadParameters(file) {
    const { name, size, type } = file
    const { upload } = await ask<{ upload: { url: string; headers: Record<string, string> } }>('POST', '/files', { name, size, content_type: type })
    return { method: 'PUT', url: upload.url, headers: upload.headers }
  },
  async createMultipartUpload({ name, size, type }) {
    const { id } = await ask<{ id: string }>('POST', '/files', { name, size, content_type: type, multipart: true })
    return { uploadId: id, key: id }
  },
  async signPart(_file, { uploadId, partNumber }) {
    const { parts } = await ask<{ parts: { url: string }[] }>('POST', `/uploads/${uploadId}/parts`, { part_numbers: [partNumber] })
    return { url: parts[0]?.url ?? '' }
  },
  async listParts(_file, { uploadId }) {
    const { parts } = await ask<{ parts: { part_number: number; size: number }[] }>('GET', `/uploads/${uploadId ?? ''}/parts`)
    return parts.map((part) => ({ PartNumber: part.part_number, Size: part.size, ETag: '' }))
  },
  async completeMultipartUpload(_file, { uploadId }) {
    await ask('POST', `/uploads/${uploadId}/complete`)
    return {}
  },
  async abortMultipartUpload(_file, { uploadId }) {
    await ask('DELETE', `/files/${uploadId ?? ''}`)
  },
})

document.querySelector('input')?.addEventListener('change', (event) => {
  for (const file of (event.target as HTMLInputElement).files ?? []) uppy.addFile({ name: file.name, type: file.type, data: file })
})
const output = document.querySelector('output')
uppy.on('complete', ({ successful, failed }) => {
  if (output !== null) output.textContent = `${(successful ?? []).length.toString()} done, ${(failed ?? []).length.toString()} failed`
})
