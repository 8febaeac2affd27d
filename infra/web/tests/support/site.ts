import { createReadStream } from 'node:fs'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, extname, join, resolve } from 'node:path'

const DIST = resolve(import.meta.dirname, '../../dist')
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.mpd': 'application/dash+xml',
  '.m3u8': 'application/vnd.apple.mpegurl',
}

/** The built page on a plain web server in a folder: another origin than the API's. */
export class Site {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Serves the built page at `/page/`, and at `/` whatever else a test has in store. */
  static async start(others: Record<string, string> = {}): Promise<Site> {
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname
      const other = others[path]
      const file = other ?? join(DIST, path.includes('/assets/') ? 'assets' : '', basename(path.replace(/\/page\/$/, '/index.html')))
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
      createReadStream(file)
        .on('error', () => response.writeHead(404).end())
        .pipe(response)
    })
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    return new Site(server)
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port.toString()}`
  }

  get page(): string {
    return `${this.origin}/page/`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
