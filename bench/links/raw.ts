import { type Priority, priorities } from '../../src/wire/index.js'
import { bothHere, other, overChannel, role, type Transport } from './transport.js'

/** The bare channels that ringmesh is compared with. */
export interface RawTransports {
  /** One data channel. */
  readonly raw: Transport
  /** A second channel of the same connection for what is urgent: what one would do by hand so that it need not queue. */
  readonly twoChannels: Transport
  /** A connection of its own for what is urgent, so that it shares no queue with bulk but the machine's. */
  readonly twoConnections: Transport
  /** The same with bulk held to the speed that `pace` says: what is left is the machine, and no queue at all. */
  readonly paced: Transport
  /** @param bytesPerSecond - at which `paced` takes bulk from now on */
  pace(bytesPerSecond: number): void
}

/** Bare data channels, signalled over a BroadcastChannel. */
export async function raw(): Promise<RawTransports> {
  const [[bulk, urgent], [apart]] = await Promise.all([bareConnection('raw', 2), bareConnection('apart', 1)])
  const one = overChannel(bulk as RTCDataChannel, (bytes) => bulk?.send(bytes))
  const { paced, pace } = pacing(one)
  const transports = {
    raw: one,
    twoChannels: beside(one, urgent as RTCDataChannel),
    twoConnections: beside(one, apart as RTCDataChannel),
    paced: beside(paced, apart as RTCDataChannel),
  }
  ;(bulk as RTCDataChannel).onmessage = ({ data }) => one.receive(new Uint8Array(data))
  ;(urgent as RTCDataChannel).onmessage = ({ data }) => transports.twoChannels.receive(new Uint8Array(data))
  // Both of those that use it do the same with what they receive.
  ;(apart as RTCDataChannel).onmessage = ({ data }) => transports.twoConnections.receive(new Uint8Array(data))
  return { ...transports, pace }
}

/** A connection between the two tabs with so many channels, all open. */
async function bareConnection(name: string, count: number): Promise<RTCDataChannel[]> {
  const signal = new BroadcastChannel(name)
  const connection = new RTCPeerConnection()
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) signal.postMessage({ to: other, candidate: candidate.toJSON() })
  }
  const channels = Array.from({ length: count }, (_, id) => {
    const channel = connection.createDataChannel(`${name} ${id}`, { negotiated: true, id })
    channel.binaryType = 'arraybuffer'
    return channel
  })
  const opened = Promise.all(
    channels.map(
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
  await bothHere(name)
  if (role === 'b') signal.postMessage({ to: other, ready: true })
  await opened
  return channels
}

/** Bulk as `bulk` sends it, and all else over `urgent` at once. */
function beside(bulk: Transport, urgent: RTCDataChannel): Transport {
  return {
    ...bulk,
    send: (bytes: Uint8Array, priority: Priority) => {
      if (priority === priorities.bulk) return bulk.send(bytes, priority)
      urgent.send(bytes as Uint8Array<ArrayBuffer>)
      return true
    },
    receive: () => {},
  }
}

/** What a pause of the page may make up for at once, in milliseconds. */
const longestBurst = 20

/** `transport`, taking no more than so many bytes a second. */
function pacing(transport: Transport): { paced: Transport; pace: (bytesPerSecond: number) => void } {
  let speed = Number.POSITIVE_INFINITY
  let next = 0
  let isEarly = false
  return {
    pace: (bytesPerSecond) => {
      speed = bytesPerSecond
    },
    paced: {
      ...transport,
      send: (bytes, priority) => {
        const now = performance.now()
        isEarly = now < next
        if (isEarly || !transport.send(bytes, priority)) return false
        next = Math.max(next, now - longestBurst) + (bytes.length * 1000) / speed
        return true
      },
      room: () =>
        isEarly ? new Promise((resolve) => setTimeout(resolve, next - performance.now())) : transport.room(),
      receive: () => {},
    },
  }
}
