import { render } from 'preact'
import '../style/tokens.css'
import '../style/base.css'
import './style.css'
import { UploadPage } from './upload-page.tsx'

/** The address of the API, from the page itself. A link must not set it, or it could send a customer's files to another host. */
const named = document.querySelector<HTMLMetaElement>('meta[name="files-api"]')?.content ?? ''
const base = (named === '' ? `${location.origin}/v1` : named).replace(/\/+$/, '')

const root = document.getElementById('app')
if (root !== null) render(<UploadPage base={base} />, root)
