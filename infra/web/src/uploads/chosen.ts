import type { UppyFile } from '@uppy/core'

/** What Uppy keeps beside a file, in a form that this app does not use. */
export type Meta = Record<string, unknown>
export type Body = Record<string, unknown>

/** A file that was chosen for an upload. */
export type Chosen = UppyFile<Meta, Body>
