import { render } from 'preact'
import './style/tokens.css'
import './style/base.css'
import './style/layout.css'
import './style/library.css'
import './style/details.css'
import './style/adding.css'
import { App } from './views/app.tsx'

const root = document.getElementById('app')
if (root !== null) render(<App />, root)
