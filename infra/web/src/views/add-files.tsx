import type { JSX } from 'preact'
import type { Uploads } from '../uploads/uppy.ts'
import { Icon } from './icons.tsx'
import { UploadPanel } from './upload-panel.tsx'

/** Buttons to choose files and folders, and the uploads. Files can be dropped and pasted anywhere: see `DropAnywhere`. */
export function AddFiles({ uploads }: { uploads: Uploads }): JSX.Element {
  const chosen = (input: HTMLInputElement): void => {
    uploads.add([...(input.files ?? [])])
    input.value = '' // so that the same file can be chosen again
  }
  return (
    <div class="card uploads">
      <div class="drop">
        <span class="drop-icon"><Icon name="upload" /></span>
        <p class="where-dropped">Drop or paste files and folders anywhere</p>
        <div class="actions">
          <label class="button primary">
            Choose files
            <input type="file" multiple class="unseen" onChange={(event) => { chosen(event.currentTarget); }} />
          </label>
          <label class="button where-dropped">
            Choose a folder
            <input type="file" class="unseen" {...{ webkitdirectory: true }} onChange={(event) => { chosen(event.currentTarget); }} />
          </label>
        </div>
      </div>
      <UploadPanel uploads={uploads} />
    </div>
  )
}
