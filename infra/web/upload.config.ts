import { createHash } from 'node:crypto'
import { type Plugin, defineConfig } from 'vite'
import base, { api, connect } from './vite.config.ts'

/**
 * Puts the script and the styles into the page: one static file for any host. The policy allows this one script, by its hash, and
 * inline styles, so that a host can edit the brand.
 */
function oneFile(): Plugin {
  return {
    name: 'one-file',
    enforce: 'post',
    generateBundle: (_, bundle) => {
      const page = bundle['upload.html']
      if (page?.type !== 'asset') throw new Error('upload.html is missing')
      let html = String(page.source)
      for (const [name, part] of Object.entries(bundle)) {
        if (part === page) continue
        // Functions: a string's `$` would be a pattern.
        if (part.type === 'chunk') {
          const code = part.code.trim().replaceAll('</script', '<\\/script')
          const hash = createHash('sha256').update(code).digest('base64')
          html = html.replace(tag('script', name), '').replace('</body>', () => `<script type="module">${code}</script>\n  </body>`)
          html = html.replace('%SCRIPT%', `'sha256-${hash}'`)
        } else {
          const styles = String(part.source).trim()
          html = html.replace(tag('link', name), '').replace('<!-- The brand', () => `<style>${styles}</style>\n    <!-- The brand`)
        }
        Reflect.deleteProperty(bundle, name)
      }
      page.source = html.replaceAll('%CONNECT%', connect).replaceAll('%API%', api)
    },
  }
}

/** Matches the element that refers to a built file. */
function tag(name: string, file: string): RegExp {
  const escaped = file.replaceAll('.', '\\.')
  return name === 'link' ? new RegExp(`<link[^>]*${escaped}[^>]*>\\s*`) : new RegExp(`<script[^>]*${escaped}[^>]*></script>\\s*`)
}

/** The upload page for customers. */
export default defineConfig({
  ...base,
  build: { ...base.build, emptyOutDir: false, assetsInlineLimit: 1_000_000, rolldownOptions: { input: 'upload.html' } },
  plugins: [oneFile()],
})
