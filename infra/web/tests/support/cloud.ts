import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { once } from 'node:events'

const PROJECT = resolve(import.meta.dirname, '../../../..')
const BUILT = process.env.FILES_BUILT ?? join(PROJECT, 'target/release')

/** Longest duration of one step on a busy machine, in milliseconds. */
export const TEST_TIMEOUT = 120_000

/** `ready.json`, as far as it is used here. */
export interface Ready {
  /** The API's base address, with `/v1`. */
  api: string
  s3: string
  region: string
  access_key_id: string
  secret_access_key: string
}

/** The local cloud with a data folder of its own, on ports of its own. */
export class Cloud {
  readonly ready: Ready
  readonly #process: ChildProcess
  readonly #folder: string
  #owners = 0

  private constructor(process: ChildProcess, folder: string, ready: Ready) {
    this.#process = process
    this.#folder = folder
    this.ready = ready
  }

  static async start(): Promise<Cloud> {
    const folder = mkdtempSync(join(tmpdir(), 'files-web-test-'))
    const options = ['--port', '0', '--data', join(folder, 'data'), '--parameter', 'AllowImportHosts=127.0.0.1']
    // Refused requests are what some tests are about: only why it cannot start is shown.
    const env = { ...process.env, FILES_LOCAL_LOG: 'off' }
    const child = spawn(join(PROJECT, 'infra/scripts/dev.sh'), options, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] })
    const until = Date.now() + TEST_TIMEOUT
    while (Date.now() < until && child.exitCode === null) {
      const ready = readReady(folder)
      if (ready !== null) return new Cloud(child, folder, ready)
      await new Promise((wake) => setTimeout(wake, 50))
    }
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    throw new Error('the local cloud did not start')
  }

  /** The API's address without a path. */
  get origin(): string {
    return new URL(this.ready.api).origin
  }

  /** A key of a new owner, who has nothing yet. */
  newKey(): string {
    this.#owners += 1
    const environment = { ...process.env, FILES_READY: join(this.#folder, 'data/ready.json') }
    const owner = `owner ${this.#owners.toString()}`
    const output = execFileSync(join(BUILT, 'files-admin'), ['key', 'create', '--owner', owner, '--name', 'test'], {
      env: environment,
      encoding: 'utf8',
    })
    const [key] = /fm_[0-9a-f]+/.exec(output) ?? []
    if (key === undefined) throw new Error(`no key in: ${output}`)
    return key
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGINT')
      await once(this.#process, 'exit')
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function readReady(folder: string): Ready | null {
  try {
    const ready = JSON.parse(readFileSync(join(folder, 'data/ready.json'), 'utf8')) as Ready
    return { ...ready, api: `${ready.api}/v1` }
  } catch {
    return null
  }
}
