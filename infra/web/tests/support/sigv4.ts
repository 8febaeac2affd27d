import { createHash, createHmac } from 'node:crypto'
import type { Ready } from './cloud.ts'

const HOUR = 3_600_000

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const escape = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * Returns the same presigned PUT, signed two hours ago: the signature is valid, and the URL has expired. It is signed with the
 * operator's secret, which the test knows.
 */
export function aged(address: string, length: number, ready: Ready): string {
  const url = new URL(address)
  const date = new Date(Date.now() - 2 * HOUR).toISOString().replace(/[-:]|\.\d+/g, '')
  const day = date.slice(0, 8)
  const scope = `${day}/${ready.region}/s3/aws4_request`
  url.searchParams.delete('X-Amz-Signature')
  url.searchParams.set('X-Amz-Date', date)
  url.searchParams.set('X-Amz-Credential', `${ready.access_key_id}/${scope}`)
  const query = [...url.searchParams].map(([name, value]) => `${escape(name)}=${escape(value)}`).sort().join('&')
  const headers = `content-length:${length.toString()}\nhost:${url.host}\n`
  const request = ['PUT', url.pathname, query, headers, 'content-length;host', 'UNSIGNED-PAYLOAD'].join('\n')
  const hashed = createHash('sha256').update(request).digest('hex')
  const steps = [day, ready.region, 's3', 'aws4_request']
  const key = steps.reduce<string | Buffer>((before, step) => hmac(before, step), `AWS4${ready.secret_access_key}`)
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, hashed].join('\n')).toString('hex')
  return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${signature}`
}
