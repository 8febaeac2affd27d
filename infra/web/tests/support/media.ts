import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const MB = 1024 * 1024

let folder: string | undefined
process.on('exit', () => { if (folder !== undefined) rmSync(folder, { recursive: true, force: true }); })

/** A file for a test, made once per process. */
function made(name: string, make: (path: string) => void): string {
  folder ??= mkdtempSync(join(tmpdir(), 'files-web-media-'))
  const path = join(folder, name)
  if (!existsSync(path)) make(path)
  return path
}

/** Ten seconds that every browser plays. */
export function clip(): string {
  return made('clip.webm', (path) => {
    const video = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=10:d=10', '-f', 'lavfi', '-i', 'sine=d=10']
    execFileSync('ffmpeg', ['-v', 'error', ...video, '-c:v', 'libvpx', '-g', '10', '-c:a', 'libopus', '-shortest', path])
  })
}

/** The clip with random bytes after it, which players and ffprobe pass over: any size, and never compressible. */
export function large(name: string, size: number): string {
  return made(name, (path) => {
    const start = readFileSync(clip())
    const bytes = Buffer.alloc(size)
    randomFillSync(bytes)
    start.copy(bytes)
    writeFileSync(path, bytes)
  })
}

export function text(name: string, content: string): string {
  return made(name, (path) => { writeFileSync(path, content); })
}
