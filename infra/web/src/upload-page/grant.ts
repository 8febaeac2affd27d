/** What the embedding page or the link gives: the upload token, and the brand. */
export interface Grant {
  token: string
  brand: Brand
}

/** CSS variables of the page, each optional. */
export interface Brand {
  accent?: string
  background?: string
  radius?: string
}

/** Given, but nothing to upload with. */
export class RefusedGrant extends Error {
  override name = 'RefusedGrant'
}

const ITEM = 'files.grant'

const PROPERTIES = { accent: 'color', background: 'background-color', radius: 'border-radius' } as const

/**
 * Reads what a link or a message gives; `null`: no token is in it.
 *
 * Throws a `RefusedGrant` for an API key, which must never reach a page of a customer, and for what is no token at all.
 */
export function readGrant(given: Readonly<Record<string, unknown>>): Grant | null {
  const { token } = given
  if (typeof token !== 'string' || token === '') return null
  if (token.startsWith('fm_')) throw new RefusedGrant('This is an API key, which gives access to all files. Revoke it, and create an upload token instead.')
  if (!/^fmu_[0-9a-f]+$/.test(token)) throw new RefusedGrant('The upload token of this page is incomplete. Ask for a new link.')
  const brand = Object.entries(PROPERTIES).flatMap(([name, property]) => {
    const value = given[name]
    return typeof value === 'string' && CSS.supports(property, value) ? [[name, value]] : []
  })
  return { token, brand: Object.fromEntries(brand) as Brand }
}

/** Takes the grant out of the fragment, so that neither the history nor a copied address has the token. */
export function takeFragment(): Grant | null {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
  if ('token' in given) history.replaceState(null, '', location.pathname + location.search)
  return readGrant(given)
}

/** The grant of this tab before a reload. */
export function keptGrant(): Grant | null {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(ITEM) ?? 'null')
    if (typeof found !== 'object' || found === null) return null
    const { token, brand } = found as Partial<Grant>
    return readGrant({ ...(typeof brand === 'object' ? brand : {}), token })
  } catch {
    return null
  }
}

export function keepGrant(grant: Grant): void {
  try {
    sessionStorage.setItem(ITEM, JSON.stringify(grant))
  } catch {
    // Without storage a reload needs the link again.
  }
}

export function applyBrand(brand: Brand): void {
  for (const name of Object.keys(PROPERTIES) as (keyof Brand)[]) {
    const value = brand[name]
    if (value !== undefined) document.documentElement.style.setProperty(`--files-${name}`, value)
  }
}
