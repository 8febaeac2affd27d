import type { JSX, RefObject } from 'preact'
import { duration } from '../format.ts'
import type { Chapter } from '../words.ts'

/** The chapters on a line as long as the file, and as a list; each leads the player to its begin. */
export function Chapters({ chapters, player }: { chapters: Chapter[]; player: RefObject<HTMLMediaElement> }): JSX.Element | null {
  if (chapters.length === 0) return null
  const seek = ({ start }: Chapter): void => {
    const media = player.current
    if (media === null) return
    media.currentTime = start
    void media.play().catch(() => undefined) // a browser may require a click on the player itself
  }
  return (
    <>
      <h3>Chapters</h3>
      <div class="time-line" aria-hidden="true">
        {chapters.map((chapter, index) => (
          <i key={index} title={chapter.title} style={{ '--part': (chapter.end - chapter.start).toFixed(3) }} onClick={() => { seek(chapter); }} />
        ))}
      </div>
      <ol class="chapters">
        {chapters.map((chapter, index) => (
          <li key={index}>
            <button type="button" onClick={() => { seek(chapter); }}>
              <span class="muted">{duration(chapter.start)}</span> <bdi>{chapter.title}</bdi>
            </button>
          </li>
        ))}
      </ol>
    </>
  )
}
