import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FOLDER, clip } from './support/media.ts'

/** Makes a folder for the media of this run, with the clip that most tests need; removes it at the end. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'files-web-media-'))
  process.env[FOLDER] = folder
  clip()
  return () => { rmSync(folder, { recursive: true, force: true }); }
}
