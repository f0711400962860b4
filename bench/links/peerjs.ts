import { type DataConnection, Peer } from 'peerjs'
import { bothHere, other, overChannel, role, type Transport } from './transport.js'

/** A DataConnection of the npm package as it comes, with its own serialization, over a stock PeerServer. */
export async function peerjs(port: number): Promise<Transport> {
  const peer = new Peer(`bench-${role}`, { host: location.hostname, port, path: '/' })
  await new Promise((resolve) => peer.on('open', resolve))
  const called = new Promise<DataConnection>((resolve) => peer.on('connection', resolve))
  await bothHere('peerjs')
  const connection = role === 'b' ? await called : peer.connect(`bench-${other}`, { reliable: true })
  if (!connection.open) await new Promise<void>((resolve) => connection.on('open', resolve))
  const transport = overChannel(connection.dataChannel, (bytes) => void connection.send(bytes))
  connection.on('data', (data) =>
    transport.receive(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Uint8Array)),
  )
  return transport
}
