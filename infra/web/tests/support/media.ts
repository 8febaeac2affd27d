import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const MB = 1024 * 1024

/** Where the media of a test run are, for all its workers: see `../setup.ts`. */
export const FOLDER = 'FILES_WEB_MEDIA'

/** A file for tests, made once per run. Two workers may make it at the same time; the last one wins, with the same content. */
function made(name: string, make: (path: string) => void): string {
  const path = join(process.env[FOLDER] ?? '', name)
  if (existsSync(path)) return path
  const unfinished = join(process.env[FOLDER] ?? '', process.pid.toString(), name)
  mkdirSync(dirname(unfinished), { recursive: true })
  make(unfinished)
  renameSync(unfinished, path)
  return path
}

/** Ten seconds that every browser plays. */
export function clip(): string {
  return made('clip.webm', (path) => {
    const video = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=10:d=10', '-f', 'lavfi', '-i', 'sine=d=10']
    execFileSync('ffmpeg', ['-v', 'error', ...video, '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '10', '-c:a', 'libopus', '-shortest', path])
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

/** A file that ffmpeg makes from these arguments. */
export function encoded(name: string, ...options: string[]): string {
  return made(name, (path) => { execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...options, path]); })
}

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=10:d=2']
const SOUND = ['-f', 'lavfi', '-i', 'sine=d=2:r=48000']

/** A picture of 320 × 180. */
export const picture = (name = 'picture.png'): string => encoded(name, ...PICTURE, '-frames:v', '1')

/** Two seconds in a container that no browser plays. */
export const unplayable = (name: 'old.avi' | 'stream.ts'): string => encoded(name, ...PICTURE, ...SOUND, '-c:v', 'mpeg4', '-c:a', 'mp2')

/** Two seconds with two chapters, HDR by its marks, 5.1 in German and stereo in French. */
export function rich(): string {
  const chapters = text('chapters.txt', ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=1\ntitle=Before\n[CHAPTER]\nTIMEBASE=1/1\nSTART=1\nEND=2\ntitle=<b>After</b>\n')
  return encoded(
    'rich.mkv', ...PICTURE, ...SOUND, '-i', chapters, '-map', '0:v', '-map', '1:a', '-map', '1:a', '-map_chapters', '2',
    '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-color_trc', 'smpte2084', '-color_primaries', 'bt2020', '-colorspace', 'bt2020nc',
    '-c:a', 'aac', '-ac:a:0', '6', '-ac:a:1', '2', '-metadata:s:a:0', 'language=ger', '-metadata:s:a:1', 'language=fre',
  )
}

/** Two seconds of sound. */
export const sound = (): string => encoded('sound.mp3', ...SOUND)
