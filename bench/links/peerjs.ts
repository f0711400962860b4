import { type DataConnection, Peer } from 'peerjs'
import { other, overChannel, role, type Transport } from './transport.js'

/** A DataConnection of the npm package as it comes, with its own serialization, over a stock PeerServer. */
export async function peerjs(port: number): Promise<Transport> {
  const peer = new Peer(`bench-${role}`, { host: location.hostname, port, path: '/' })
  await new Promise((resolve) => peer.on('open', resolve))
  const ready = new BroadcastChannel('peerjs')
  const connection = await new Promise<DataConnection>((resolve) => {
    if (role === 'b') {
      peer.on('connection', resolve)
      ready.postMessage('ready')
    } else ready.onmessage = () => resolve(peer.connect(`bench-${other}`, { reliable: true }))
  })
  if (!connection.open) await new Promise<void>((resolve) => connection.on('open', resolve))
  const transport = overChannel(connection.dataChannel, (bytes) => void connection.send(bytes))
  connection.on('data', (data) =>
    transport.receive(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Uint8Array)),
  )
  return transport
}
