import type { Locator } from '@playwright/test'
import { encoded, text } from './support/media.ts'
import { Site } from './support/site.ts'
import { expect, test } from './support/test.ts'

const SECONDS = 8
const PICTURE = ['-f', 'lavfi', '-i', `testsrc2=s=640x360:r=25:d=${SECONDS.toString()}`, '-g', '25', '-pix_fmt', 'yuv420p']
const SOUND = ['-f', 'lavfi', '-i', `sine=d=${SECONDS.toString()}:r=48000`]

interface Kind {
  extension: string
  /** Media type, codecs and encoder of the picture and of the sound. */
  picture: { type: string; codecs: string; options: string[]; name: string }
  sound: { type: string; codecs: string; options: string[]; name: string }
}

const KINDS: Kind[] = [
  {
    extension: 'mp4',
    picture: { type: 'video/mp4', codecs: 'avc1.64001e', options: ['-c:v', 'libx264', '-preset', 'ultrafast'], name: 'alone.mp4' },
    sound: { type: 'audio/mp4', codecs: 'mp4a.40.2', options: ['-c:a', 'aac'], name: 'alone.m4a' },
  },
  {
    extension: 'webm',
    picture: { type: 'video/webm', codecs: 'vp09.00.30.08', options: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'], name: 'picture.webm' },
    sound: { type: 'audio/webm', codecs: 'opus', options: ['-c:a', 'libopus'], name: 'sound.webm' },
  },
]

/** A site with a picture, a sound, and a manifest of both. */
async function siteWith({ extension, picture, sound }: Kind): Promise<Site> {
  const set = ({ type, codecs, name }: Kind['picture'], more: string): string =>
    `<AdaptationSet mimeType="${type}"><Representation id="${name}" bandwidth="100000" codecs="${codecs}" ${more}>` +
    `<BaseURL>${name}</BaseURL><SegmentBase indexRange="0-1"/></Representation></AdaptationSet>`
  const manifest =
    `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT${SECONDS.toString()}S" ` +
    `profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>${set(picture, 'width="640" height="360"')}` +
    `${set(sound, 'audioSamplingRate="48000"')}</Period></MPD>`
  return Site.start({
    '/film.mpd': text(`film-${extension}.mpd`, manifest),
    [`/${picture.name}`]: encoded(picture.name, ...PICTURE, ...picture.options),
    [`/${sound.name}`]: encoded(sound.name, ...SOUND, ...sound.options),
  })
}

/** A site with a multivariant playlist, whose picture and sound are transport streams. */
async function siteWithHls(): Promise<Site> {
  const playlist = (segment: string): string =>
    `#EXTM3U\n#EXT-X-TARGETDURATION:${SECONDS.toString()}\n#EXTINF:${SECONDS.toString()},\n${segment}\n#EXT-X-ENDLIST\n`
  const master =
    '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="sound.m3u8"\n' +
    '#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS="avc1.64001e,mp4a.40.2",AUDIO="a"\npicture.m3u8\n'
  return Site.start({
    '/film.m3u8': text('film.m3u8', master),
    '/picture.m3u8': text('picture.m3u8', playlist('picture.ts')),
    '/sound.m3u8': text('sound.m3u8', playlist('sound.ts')),
    '/picture.ts': encoded('alone-picture.ts', ...PICTURE, '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2'),
    '/sound.ts': encoded('alone-sound.ts', ...SOUND, '-c:a', 'aac'),
  })
}

interface Film {
  manifest: string
  extension: string
  site: () => Promise<Site>
}

const FILMS: Film[] = [
  ...KINDS.map((kind) => ({ manifest: 'film.mpd', extension: kind.extension, site: () => siteWith(kind) })),
  { manifest: 'film.m3u8', extension: 'mp4', site: siteWithHls },
]

const time = (player: Locator): Promise<number> => player.evaluate((video: HTMLVideoElement) => video.currentTime)

/** The bytes of sound that Chromium has decoded. */
const decoded = (player: Locator): Promise<number> =>
  player.evaluate((video) => (video as unknown as { webkitAudioDecodedByteCount: number }).webkitAudioDecodedByteCount)

for (const { manifest, extension, site } of FILMS) {
  test(`a picture and a sound of ${manifest} that were imported apart play as one ${extension}, from the middle, too`, async ({ files }) => {
    const source = await site()
    await files.open()
    const field = files.page.getByLabel('Import from URLs')
    await field.fill(`${source.origin}/${manifest}`)
    await field.press('Enter')
    const name = `film.${extension}`
    await files.expectStatus(name, 'Ready')
    const player = (await files.show(name)).locator('video')
    await expect.poll(() => player.evaluate((video: HTMLVideoElement) => video.readyState)).toBeGreaterThan(0)
    const shape = await player.evaluate((video: HTMLVideoElement) => [video.videoWidth, video.videoHeight, Math.round(video.duration)])
    expect(shape).toEqual([640, 360, SECONDS])

    // Not muted: Chromium would not have to decode the sound.
    await player.evaluate((video: HTMLVideoElement) => video.play())
    await expect.poll(() => time(player)).toBeGreaterThan(0.3)
    await expect.poll(() => decoded(player)).toBeGreaterThan(0)

    await player.evaluate((video: HTMLVideoElement, middle) => { video.currentTime = middle; }, SECONDS / 2)
    await expect.poll(() => time(player)).toBeGreaterThan(SECONDS / 2 + 0.3)
    expect(await player.evaluate((video: HTMLVideoElement) => video.error)).toBeNull()
    source.stop()
  })
}
