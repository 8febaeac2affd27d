import type { Page } from '@playwright/test'

interface ListedFile {
  id: string
  content_type: string | null
  poster_url?: string | null
}

interface Listed {
  files?: ListedFile[]
}

/**
 * Lets the API say that videos and pictures have posters, which deployments may make, and serves this address for each.
 * Returns the requests for posters.
 */
export async function givePosters(page: Page, api: string, address: string): Promise<string[]> {
  const asked: string[] = []
  await page.route(/\/v1\/files(\?|\/[0-9a-f-]+\?wait)/, async (route) => {
    const response = await route.fetch()
    const body = (await response.json()) as Listed & ListedFile
    for (const file of body.files ?? [body]) {
      const has = /^(video|image)\//.test(file.content_type ?? '')
      file.poster_url = has ? `${api}/posters/${file.id}` : null
    }
    await route.fulfill({ response, json: body })
  })
  await page.route(/\/v1\/posters\//, async (route) => {
    if (route.request().method() === 'GET') asked.push(route.request().url())
    await route.fulfill({ headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }, json: { url: address } })
  })
  return asked
}
