import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { type Connection, forgetConnection, loadConnection, saveConnection } from '../api/connection.ts'
import { forgetRoute } from '../route.ts'
import { forgetTokens } from '../upload-link.ts'
import { Connect } from './connect.tsx'
import { Workspace } from './workspace.tsx'

export function App(): JSX.Element {
  const [connection, setConnection] = useState(loadConnection)
  const connect = (to: Connection): void => {
    saveConnection(to)
    setConnection(to)
  }
  const disconnect = (): void => {
    forgetConnection()
    forgetRoute()
    forgetTokens()
    setConnection(null)
  }
  if (connection === null) return <Connect onConnect={connect} />
  return <Workspace connection={connection} onDisconnect={disconnect} />
}
