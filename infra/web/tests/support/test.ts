import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Page, test as base, expect } from '@playwright/test'
import { Cloud } from './cloud.ts'
import { Site } from './site.ts'

/** A cloud and a site per worker; a key of an owner of its own per test. No test may leave an error in the console. */
export const test = base.extend<{ key: string; files: Files }, { cloud: Cloud; site: Site }>({
  cloud: [
    async ({}, use) => {
      const cloud = await Cloud.start()
      await use(cloud)
      await cloud.stop()
    },
    { scope: 'worker', timeout: 180_000 },
  ],
  site: [
    async ({}, use) => {
      const site = await Site.start()
      await use(site)
      site.stop()
    },
    { scope: 'worker' },
  ],
  key: async ({ cloud }, use) => {
    await use(cloud.newKey())
  },
  files: async ({ page, cloud, site, key }, use) => {
    const violations: string[] = []
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) violations.push(message.text())
    })
    await use(new Files(page, cloud, site, key))
    await page.unrouteAll({ behavior: 'ignoreErrors' }) // a request that waits may be under way
    expect(violations, 'nothing may need what the policy forbids').toEqual([])
  },
})

export { expect }

interface Listed {
  id: string
  name: string
  error: string | null
  download_url: string
}

/** The page as a person sees it. */
export class Files {
  readonly page: Page
  readonly cloud: Cloud
  readonly #site: Site
  readonly #key: string

  constructor(page: Page, cloud: Cloud, site: Site, key: string) {
    this.page = page
    this.cloud = cloud
    this.#site = site
    this.#key = key
  }

  /** Opens the page on another origin than the API's, at this fragment, and connects. */
  async open(fragment = ''): Promise<void> {
    await this.page.goto(this.#site.page + fragment)
    await this.connect()
  }

  async connect(): Promise<void> {
    await this.page.getByLabel('API key').fill(this.#key)
    await this.page.getByLabel('API address').fill(this.cloud.ready.api)
    await this.page.getByRole('button', { name: 'Connect' }).click()
    await expect(this.page.getByRole('heading', { name: 'Library' })).toBeVisible()
  }

  /** Chooses files by the button. */
  async choose(...paths: string[]): Promise<void> {
    await this.page.getByLabel('Choose files').setInputFiles(paths)
  }

  /** The list of uploads. */
  get uploads(): ReturnType<Page['locator']> {
    return this.page.getByRole('region', { name: 'Uploads' })
  }

  /** Opens a file's details. */
  async show(name: string): Promise<ReturnType<Page['locator']>> {
    await this.row(name).locator('.file-open').click()
    return this.page.getByRole('dialog', { name })
  }

  /** The library's row of a file. */
  row(name: string): ReturnType<Page['locator']> {
    return this.page.locator('li.file').filter({ has: this.page.locator('.name').getByText(name, { exact: true }) })
  }

  /** Waits until the file's row says so. */
  async expectStatus(name: string, label: string): Promise<void> {
    await expect(this.row(name).locator('.chip')).toHaveText(label)
  }

  /** A request to the API without the page; a POST if it has a body. */
  async api(path: string, body?: unknown): Promise<Response> {
    const headers = { 'x-api-key': this.#key, 'content-type': 'application/json' }
    const request = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
    return fetch(`${this.cloud.ready.api}${path}`, request)
  }

  /** Stores a small file by a form, without the page. */
  async form(name: string, content: string): Promise<Response> {
    const body = new FormData()
    body.set('file', new Blob([content], { type: 'text/plain' }), name)
    return fetch(`${this.cloud.ready.api}/files`, { method: 'POST', headers: { 'x-api-key': this.#key }, body })
  }

  /** A PATCH request to the API without the page. */
  async patch(path: string, body: unknown): Promise<Response> {
    const headers = { 'x-api-key': this.#key, 'content-type': 'application/json' }
    return fetch(`${this.cloud.ready.api}${path}`, { method: 'PATCH', headers, body: JSON.stringify(body) })
  }

  /** A DELETE request to the API without the page. */
  async remove(path: string): Promise<Response> {
    return fetch(`${this.cloud.ready.api}${path}`, { method: 'DELETE', headers: { 'x-api-key': this.#key } })
  }

  /** Creates uploads without bytes: `waiting 1.mov`, … */
  async announce(count: number): Promise<void> {
    for (let number = 1; number <= count; number += 1) await this.api('/files', { name: `waiting ${number.toString()}.mov`, size: 5 })
  }

  /** The one file of this name, as soon as it is listed. */
  async found(name: string): Promise<Listed> {
    const find = async (): Promise<Listed | undefined> => {
      const page = (await (await this.api('/files')).json()) as { files: Listed[] }
      return page.files.find((file) => file.name === name)
    }
    await expect.poll(find).toBeDefined()
    const file = await find()
    if (file === undefined) throw new Error(`${name} is gone`)
    return file
  }

  /** The numbers of an upload's parts that are stored. */
  async storedParts(id: string): Promise<number[]> {
    const page = (await (await this.api(`/uploads/${id}/parts`)).json()) as { parts: { part_number: number }[] }
    return page.parts.map((part) => part.part_number)
  }

  /** Of the bytes that the API gives back. */
  async hashOfStored(name: string): Promise<string> {
    const { download_url } = await this.found(name)
    const response = await this.api(download_url.slice(this.cloud.ready.api.length))
    return createHash('sha256').update(Buffer.from(await response.arrayBuffer())).digest('hex')
  }

  /** Of a file of this machine. */
  hashOf(path: string): string {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  }
}
