import { type Priority, priorities } from '../../src/wire/index.js'
import { bothHere, other, overChannel, role, type Transport } from './transport.js'

/**
 * A bare data channel, signalled over a BroadcastChannel; and the same with a second channel of the
 * same connection for what is urgent, which is what one would do by hand so that it need not queue.
 */
export async function raw(): Promise<{ raw: Transport; twoChannels: Transport }> {
  const signal = new BroadcastChannel('raw')
  const connection = new RTCPeerConnection()
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) signal.postMessage({ to: other, candidate: candidate.toJSON() })
  }
  const [bulk, urgent] = [0, 1].map((id) => {
    const channel = connection.createDataChannel(`raw ${id}`, { negotiated: true, id })
    channel.binaryType = 'arraybuffer'
    return channel
  }) as [RTCDataChannel, RTCDataChannel]
  const opened = Promise.all(
    [bulk, urgent].map(
      (channel) =>
        new Promise((resolve) => {
          channel.onopen = resolve
        }),
    ),
  )
  const early: RTCIceCandidateInit[] = []
  signal.onmessage = async ({ data }) => {
    if (data.to !== role) return
    if (data.ready && role === 'a') {
      await connection.setLocalDescription()
      signal.postMessage({ to: other, description: connection.localDescription?.toJSON() })
    }
    if (data.candidate) {
      if (connection.remoteDescription) await connection.addIceCandidate(data.candidate)
      else early.push(data.candidate)
    }
    if (data.description) {
      await connection.setRemoteDescription(data.description)
      for (const candidate of early.splice(0)) await connection.addIceCandidate(candidate)
      if (role === 'b') {
        await connection.setLocalDescription()
        signal.postMessage({ to: other, description: connection.localDescription?.toJSON() })
      }
    }
  }
  await bothHere('raw')
  if (role === 'b') signal.postMessage({ to: other, ready: true })
  await opened
  const one = overChannel(bulk, (bytes) => bulk.send(bytes))
  const two: Transport = {
    ...one,
    send: (bytes: Uint8Array, priority: Priority) => {
      if (priority === priorities.bulk) return one.send(bytes, priority)
      urgent.send(bytes as Uint8Array<ArrayBuffer>)
      return true
    },
    receive: () => {},
  }
  bulk.onmessage = ({ data }) => one.receive(new Uint8Array(data))
  urgent.onmessage = ({ data }) => two.receive(new Uint8Array(data))
  return { raw: one, twoChannels: two }
}
