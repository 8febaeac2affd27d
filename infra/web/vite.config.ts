import { defineConfig } from 'vite'

// Where the built page may connect to, and which API its form names at first. The defaults suit a page that is served by
// the local cloud; a deployment narrows the first and sets the second (see README.md).
export const connect = process.env.FILES_WEB_CONNECT ?? "'self' https: http://127.0.0.1:* http://localhost:*"
export const api = process.env.FILES_WEB_API ?? ''

export default defineConfig({
  base: './', // any folder of any host
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  define: { __FILES_API__: JSON.stringify(api) },
  build: { target: 'es2022', assetsInlineLimit: 0, reportCompressedSize: false, modulePreload: { polyfill: false } },
  plugins: [{ name: 'connect', transformIndexHtml: (html) => html.replaceAll('%CONNECT%', connect) }],
})
