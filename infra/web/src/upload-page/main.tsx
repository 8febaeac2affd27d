import { render } from 'preact'
import '../style/tokens.css'
import '../style/base.css'
import './style.css'
import { UploadPage } from './upload-page.tsx'

/** Where the API is: the page says so itself. A link must not, or it could lead files of a customer to another host. */
const named = document.querySelector<HTMLMetaElement>('meta[name="files-api"]')?.content ?? ''
const base = (named === '' ? `${location.origin}/v1` : named).replace(/\/+$/, '')

const root = document.getElementById('app')
if (root !== null) render(<UploadPage base={base} />, root)
