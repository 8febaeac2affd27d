import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { FrameLocator, Page, TestInfo } from '@playwright/test'
import { Site } from './site.ts'
import type { Files } from './test.ts'

const PROJECT = resolve(import.meta.dirname, '../../../..')

/** A new upload token with these bounds. */
export async function newToken(files: Files, bounds: Record<string, unknown> = {}): Promise<{ id: string; token: string }> {
  const response = await files.api('/upload-tokens', bounds)
  return (await response.json()) as { id: string; token: string }
}

/** The page of the documentation that embeds the upload page, on an origin of its own, with these tokens in turn. */
export async function embedding(info: TestInfo, page: Page, uploadPage: string, tokens: string[]): Promise<Site> {
  const documentation = readFileSync(resolve(PROJECT, 'infra/docs/clients.md'), 'utf8')
  const snippet = [...documentation.matchAll(/^```html\n(.*?)^```$/gms)].map(([, html = '']) => html).find((html) => html.includes('<iframe'))
  if (snippet === undefined) throw new Error('clients.md embeds no upload page')
  const html = snippet.replaceAll('https://files.example/upload.html', uploadPage).replaceAll('https://files.example', new URL(uploadPage).origin)
  const path = info.outputPath('embedding.html')
  writeFileSync(path, `<!doctype html><html lang="en"><title>A shop</title><main><h1>A shop</h1>${html}</main></html>`)
  const site = await Site.start({ '/shop': path })
  await page.route(`${site.origin}/upload-token`, (route) => route.fulfill({ json: { token: tokens.shift() } }))
  return site
}

/** The upload page as a static file on a host of its own, whose API is elsewhere. */
export async function hosted(info: TestInfo, api: string): Promise<Site> {
  const built = readFileSync(resolve(import.meta.dirname, '../../dist/upload.html'), 'utf8')
  const path = info.outputPath('upload.html')
  writeFileSync(path, built.replace('name="files-api" content=""', `name="files-api" content="${api}"`))
  return Site.start({ '/upload.html': path })
}

/** Chooses files by the button. */
export async function choose(page: Page | FrameLocator, ...paths: string[]): Promise<void> {
  await page.getByLabel('Choose files').setInputFiles(paths)
}
