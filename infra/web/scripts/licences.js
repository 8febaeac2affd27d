// Every package's licence must be one that asks for no more than a notice; those that only build or test may also be
// under the MPL, which is about changes to their own files.
import { readFileSync } from 'node:fs'

const SHIPPED = ['MIT', 'ISC', 'Apache-2.0', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0']
const TOOLS = [...SHIPPED, 'MPL-2.0', 'CC-BY-4.0', 'Python-2.0']
// Vite's own: build tools, though the page's package.json names Vite among what is needed to build it.
const BUILD_ONLY = /(^|\/)node_modules\/(lightningcss|vite|rolldown)/

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))
const wrong = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .filter(([path, { dev, license }]) => !(dev || BUILD_ONLY.test(path) ? TOOLS : SHIPPED).includes(license))
  .map(([path, { license }]) => `${path}: ${license ?? 'no licence'}`)
if (wrong.length > 0) {
  process.stderr.write(`${wrong.join('\n')}\n`)
  process.exitCode = 1
}
