/** Ways to hand an upload token to a customer: see infra/docs/clients.md. */

/** Where the upload page is: beside the web app. */
export function uploadPage(): string {
  return new URL('upload.html', location.origin + location.pathname).href
}

/** A link to the upload page. The token is in the fragment, which reaches no server. */
export function linkOf(page: string, token: string): string {
  return `${page}#token=${token}`
}

/** A piece of HTML that embeds the upload page. */
export function snippetOf(page: string, token: string): string {
  return `<script>
  const token = "${token}"; // for many visitors, let your server create one for each
  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== "${new URL(page).origin}") return;
    if (data.type === "files:ready") source.postMessage({ type: "files:token", token }, origin);
    if (data.type === "files:uploaded") console.log(data.file.id, data.file.name, data.file.size);
  });
</script>
<iframe src="${page}" title="Upload" style="width: 100%; height: 480px; border: 0"></iframe>
`
}

/** A token that this tab has created, without the token itself. */
export interface KeptToken {
  id: string
  /** The API that it belongs to. */
  base: string
  expires_at: string
  /** Its bounds in words. */
  bounds: string
}

const ITEM = 'files.upload-tokens'

/** The tokens of this API that this tab has created and that still live: the API does not list them. */
export function keptTokens(base: string): KeptToken[] {
  return all().filter((token) => token.base === base && Date.parse(token.expires_at) > Date.now())
}

export function keepToken(token: KeptToken): void {
  save([token, ...all()])
}

export function forgetToken(id: string): void {
  save(all().filter((token) => token.id !== id))
}

export function forgetTokens(): void {
  save([])
}

function all(): KeptToken[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(ITEM) ?? '[]')
    return Array.isArray(found) ? found.filter(isOne) : []
  } catch {
    return []
  }
}

function isOne(value: unknown): value is KeptToken {
  if (typeof value !== 'object' || value === null) return false
  const { id, base, expires_at, bounds } = value as Record<string, unknown>
  return [id, base, expires_at, bounds].every((text) => typeof text === 'string')
}

function save(tokens: KeptToken[]): void {
  sessionStorage.setItem(ITEM, JSON.stringify(tokens))
}
