import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileDetail, Origin } from '../src/api/types.ts'
import { obstacle } from '../src/playable.ts'
import { quoted } from '../src/snippets.ts'
import { dynamicRange, kindOf, lengthIn, summaryOf } from '../src/words.ts'
import { faultsInBoth } from './support/axe.ts'
import { rich, sound, text } from './support/media.ts'
import { expect, test } from './support/test.ts'

test('facts are in plain words, and a chapter seeks in the player', async ({ files }) => {
  const { page } = files
  await files.open()
  await files.choose(rich(), sound())
  await files.expectStatus('rich.mkv', 'Ready')
  const sheet = await files.show('rich.mkv')
  for (const [name, value] of [
    ['Kind', 'Matroska video'], ['Dimensions', '320 × 180'], ['Video', 'H.264, 10 frames per second'], ['Dynamic range', 'HDR (PQ)'],
    ['Audio', 'AAC, 5.1 surround, 48 kHz'], ['Audio languages', 'German, French'],
  ] as const) {
    await expect(sheet.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) }).getByRole('cell')).toHaveText(value)
  }
  await expect(sheet.locator('.time-line i')).toHaveCount(2)
  const player = sheet.locator('video')
  await expect.poll(() => player.evaluate((video: HTMLVideoElement) => video.readyState)).toBeGreaterThan(0)
  await player.evaluate((video: HTMLVideoElement) => { video.muted = true; })
  await sheet.getByRole('button', { name: '0:01 <b>After</b>' }).click()
  await expect.poll(() => player.evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThanOrEqual(1)
  await page.keyboard.press('Escape')
  await files.expectStatus('sound.mp3', 'Ready')
  await files.show('sound.mp3')
  await expect(page.getByRole('row', { name: 'Kind' })).toContainText('MP3 audio')
  await expect(page.getByRole('row', { name: /^Audio/ }).first()).toContainText('MP3, mono, 48 kHz')
})

test('chapters and subtitles of the page of an import', async ({ files }) => {
  const { page } = files
  await files.open()
  await files.choose(sound())
  await files.expectStatus('sound.mp3', 'Ready')
  const track = { name: null, format: 'vtt', url: 'https://video.example/1.vtt', automatic: false }
  const origin = {
    title: null, uploader: null, page_url: null, duration: null, site: 'Example', thumbnail_url: null, upload_date: null,
    chapters: [{ start: 0, end: 0.5, title: '<b>First</b>' }, { start: 0.5, end: null, title: null }, { start: 4000, end: null, title: 'After the end' }],
    subtitles: [{ ...track, language: 'de' }, { ...track, language: 'und', name: '<i>Elvish</i>' }, { ...track, language: 'pt-BR', automatic: true }],
  } satisfies Origin
  await page.route(/\/v1\/files\/[0-9a-f-]{36}$/, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json() as FileDetail), origin } })
  })
  const sheet = await files.show('sound.mp3')
  await expect(sheet.locator('.chapters li')).toHaveText(['0:00 <b>First</b>', '0:01 Chapter 2'])
  await expect(sheet.getByRole('row', { name: 'Subtitles' }).getByRole('cell')).toHaveText('German, <i>Elvish</i>, Brazilian Portuguese (automatic)')
  expect(await faultsInBoth(page)).toEqual([])
})

test('link, reference, curl, FFmpeg and JSON are copied, work, and hold no key', async ({ files, context, key }) => {
  const { page } = files
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await files.open()
  await files.choose(sound())
  await files.expectStatus('sound.mp3', 'Ready')
  const { id } = await files.found('sound.mp3')
  const sheet = await files.show('sound.mp3')
  const copied = async (name: string): Promise<string> => {
    const line = sheet.locator('.use-it li').filter({ has: page.getByRole('button', { name: `Copy ${name}` }) })
    await line.getByRole('button', { name: `Copy ${name}` }).click()
    await expect(line).toContainText('Copied')
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).not.toContain(key)
    return copied
  }
  expect(await copied('Link')).toBe(page.url())
  expect(await copied('Reference')).toBe(`fm_id://${id}`)
  expect((JSON.parse(await copied('JSON')) as { id: string }).id).toBe(id)

  const folder = mkdtempSync(join(tmpdir(), 'files-web-shell-'))
  const run = (command: string): void => {
    execFileSync('sh', ['-c', command], { cwd: folder, env: { ...process.env, FILES_API_KEY: key }, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  run(`${await copied('curl')} --silent`)
  expect(readFileSync(join(folder, 'sound.mp3')).equals(readFileSync(sound()))).toBe(true)
  run((await copied('FFmpeg')).replace(/^ffmpeg /, 'ffmpeg -v error '))
  expect(existsSync(join(folder, 'sound-out.m4a'))).toBe(true)
  rmSync(folder, { recursive: true })
})

test('copying works without the clipboard of secure pages', async ({ files }) => {
  const { page } = files
  await page.addInitScript(() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); })
  await files.api('/files', { name: 'waiting.mov', size: 5 })
  await files.open()
  const sheet = await files.show('waiting.mov')
  const copied = page.evaluate(() => new Promise((resolve) => {
    document.addEventListener('copy', () => { resolve(document.activeElement instanceof HTMLTextAreaElement ? document.activeElement.value : null); })
  }))
  await sheet.getByRole('button', { name: 'Copy Reference' }).click()
  expect(await copied).toMatch(/^fm_id:/)
  await expect(page).toHaveTitle('waiting.mov · Files')
})

test('a file is renamed from its details, by the keyboard; Escape leaves the name', async ({ files }) => {
  const { page } = files
  await files.api('/files', { name: 'draft.mov', size: 5 })
  await files.open()
  const sheet = await files.show('draft.mov')
  const name = page.getByLabel('Name', { exact: true })
  await sheet.getByRole('button', { name: 'Rename' }).click()
  await expect(name).toBeFocused()
  expect(await faultsInBoth(page)).toEqual([])
  await page.keyboard.press('Escape')
  await expect(name).toHaveCount(0)
  await expect(sheet).toBeVisible()
  await sheet.getByRole('button', { name: 'Rename' }).click()
  await name.fill('\u202e')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('name')
  await name.fill('final.mov')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'final.mov' })).toBeVisible()
  await expect(name).toHaveCount(0)
  await page.keyboard.press('Escape')
  await expect(files.row('final.mov')).toBeVisible()
})

test('a missing file shows a reason', async ({ files }) => {
  const { page } = files
  await files.open('#file=01999999-0000-7000-8000-000000000000')
  await expect(page.getByRole('dialog')).toContainText('It was deleted, or it belongs to another owner')
  await page.getByRole('button', { name: 'Close' }).click()
  await files.choose(text('here.txt', 'x'))
  await expect(files.row('here.txt')).toBeVisible()
})

test('words for what tests have no files of', () => {
  const file = (content_type: string, format_name: string, video_codec: string | null = null): FileDetail =>
    ({ content_type, ffprobe: { width: null, height: null, duration: null, format_name, video_codec, audio_codec: null, frame_rate: null, bit_rate: null, rotation: null, streams: [], chapters: [] } }) as unknown as FileDetail
  expect(kindOf(file('image/bmp', 'bmp_pipe'))).toBe('BMP picture')
  expect(kindOf(file('image/png', 'png_pipe'))).toBe('PNG picture')
  expect(kindOf(file('video/quicktime', 'mov,mp4,m4a,3gp,3g2,mj2'))).toBe('QuickTime video')
  expect(kindOf(file('video/mp4', 'mov,mp4,m4a,3gp,3g2,mj2'))).toBe('MP4 video')
  expect(dynamicRange({ color_transfer: 'arib-std-b67' })).toBe('HDR (HLG)')
  expect(dynamicRange({ color_transfer: 'smpte2084', side_data_list: [{ side_data_type: 'DOVI configuration record' }] })).toBe('HDR (PQ, Dolby Vision)')
  expect(dynamicRange({ color_transfer: 'bt709' })).toBeNull()
  expect(lengthIn(200, { duration_source: 'estimated' })).toBe('about 3:20 (estimated)')
  expect(lengthIn(200, { duration_source: 'stated' })).toBe('3:20 (200 s)')
  const newer = file('image/avif', 'mov,mp4', 'av1')
  Object.assign(newer.ffprobe ?? {}, { duration: 0.04, hdr: 'hlg', color: { bit_depth: 10 } })
  const facts = new Map(summaryOf(newer))
  expect([facts.get('Kind'), facts.get('Dynamic range'), facts.get('Bit depth'), facts.get('Length')]).toEqual(['AVIF picture', 'HDR (HLG)', '10 bit', undefined])
  const none = (): boolean => false
  expect(obstacle(file('video/mp4', 'mov,mp4', 'hevc'), none)).toBe('the codec hevc')
  expect(obstacle(file('video/quicktime', 'mov,mp4', 'prores'), () => true)).toBe('the codec prores')
  expect(obstacle(file('video/mp4', 'mov,mp4', 'h264'), () => true)).toBeNull()
  expect(obstacle(file('image/png', 'png_pipe', 'png'), none)).toBeNull()
  expect(quoted("it's $(x)")).toBe(`'it'\\''s $(x)'`)
})
