import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'

/** Shows while there is no network, or while the API does not respond. */
export function NetworkNote({ client, onBack }: { client: Client; onBack: () => void }): JSX.Element {
  const { network } = client
  const [state, setState] = useState(network.state)
  useEffect(() => {
    let before = network.state
    setState(before)
    return network.subscribe(() => {
      if (before !== 'online' && network.state === 'online') onBack()
      before = network.state
      setState(before)
    })
  }, [network, onBack])
  const words = {
    online: '',
    offline: 'You are offline. Uploads continue when the network is back.',
    unreachable: `${new URL(client.base).host} does not respond. Trying again.`,
  }[state]
  return <div class="network" role="status">{words !== '' && <p>{words}</p>}</div>
}
