/**
 * Runs in each of two tabs of one browser: a raw data channel and ringmesh's links side by side,
 * signalled over a BroadcastChannel. `bench/links/run.ts` opens the tabs and asks for the figures.
 */
import { rtc } from '../../src/links/adapters/rtc.js'
import { Links, type Signaling } from '../../src/links/index.js'
import { systemRuntime } from '../../src/runtime/index.js'
import { type PeerInfo, type Priority, priorities } from '../../src/wire/index.js'

/** What the measurements need of a way to send: bytes there, bytes back, and to be told when to wait. */
interface Transport {
  /** False: not taken, wait for `room`. */
  send(bytes: Uint8Array, priority: Priority): boolean
  room(): Promise<void>
  receive: (bytes: Uint8Array) => void
}

const role = location.hash.slice(1) === 'a' ? 'a' : 'b'
const other = role === 'a' ? 'b' : 'a'
const info = (id: string): PeerInfo => ({ id, kind: 'tab', weight: 1, host: id })

/** A queue of a megabyte keeps a channel busy and is far from the 16 MiB at which it throws. */
const rawHighWater = 1024 * 1024

async function raw(): Promise<Transport> {
  const signal = new BroadcastChannel('raw')
  const connection = new RTCPeerConnection()
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) signal.postMessage({ to: other, candidate: candidate.toJSON() })
  }
  const channel = connection.createDataChannel('raw', { negotiated: true, id: 0 })
  channel.binaryType = 'arraybuffer'
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
  if (role === 'b') signal.postMessage({ to: other, ready: true })
  await new Promise((resolve) => {
    channel.onopen = resolve
  })
  channel.bufferedAmountLowThreshold = rawHighWater / 4
  const transport: Transport = {
    send: (bytes) => {
      if (channel.bufferedAmount > rawHighWater) return false
      channel.send(bytes as Uint8Array<ArrayBuffer>)
      return true
    },
    room: () =>
      new Promise((resolve) => {
        channel.onbufferedamountlow = () => resolve()
      }),
    receive: () => {},
  }
  channel.onmessage = ({ data }) => transport.receive(new Uint8Array(data))
  return transport
}

async function ringmesh(): Promise<Transport> {
  const hub = new BroadcastChannel('ringmesh')
  const signaling: Pick<Signaling, 'connected' | 'sendOffer' | 'relay' | 'buffered'> = {
    connected: true,
    buffered: 0,
    sendOffer: (to, payload) => hub.postMessage({ to, payload }),
    relay: () => {},
  }
  hub.onmessage = ({ data }) => {
    if (data.to !== role) return
    if (data.payload) links.offered(other, data.payload)
    if (data.ready) links.connect(info(other))
  }
  let wake = (): void => {}
  let opened = (): void => {}
  const open = new Promise<void>((resolve) => {
    opened = resolve
  })
  const links = new Links({
    runtime: systemRuntime(),
    self: info(role),
    direct: rtc(),
    relay: 'never',
    signaling,
    events: {
      message: (_from, message) => {
        if (message.type === 'mesh.user') transport.receive(message.body)
      },
      opened: () => opened(),
      changed: () => {},
      interrupted: () => {},
      drained: () => wake(),
    },
  })
  const transport: Transport = {
    send: (bytes, priority) =>
      links.send(other, { type: 'mesh.user', body: bytes as Uint8Array<ArrayBuffer> }, priority),
    room: () =>
      new Promise((resolve) => {
        wake = resolve
      }),
    receive: () => {},
  }
  links.signalingConnected([])
  if (role === 'b') {
    links.connect(info(other))
    hub.postMessage({ to: other, ready: true })
  }
  await open
  Object.assign(window, { stats: () => links.stats() })
  return transport
}

const kinds = { echo: 1, echoed: 2, count: 3, counted: 4 } as const
let transports: Readonly<Record<string, Transport>>
/** What the other tab's answers end. */
let settle: (bytes: Uint8Array) => void = () => {}

async function send(transport: Transport, bytes: Uint8Array, priority: Priority): Promise<void> {
  while (!transport.send(bytes, priority)) await transport.room()
}

/** Answers echoes at once, and counts what is to be counted. */
function serve(transport: Transport): void {
  let left = 0
  transport.receive = (bytes) => {
    switch (bytes[0]) {
      case kinds.echo: {
        const answer = bytes.slice()
        answer[0] = kinds.echoed
        void send(transport, answer, bytes[1] as Priority)
        return
      }
      case kinds.echoed:
      case kinds.counted:
        settle(bytes)
        return
      case kinds.count: {
        left = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)
        if (left === 0) void send(transport, Uint8Array.of(kinds.counted), priorities.call)
        return
      }
    }
  }
}

function percentile(samples: readonly number[], fraction: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? Number.NaN
}

async function echo(transport: Transport, priority: Priority): Promise<number> {
  const start = performance.now()
  const bytes = new Uint8Array(64)
  bytes[0] = kinds.echo
  bytes[1] = priority
  const answered = new Promise((resolve) => {
    settle = resolve
  })
  await send(transport, bytes, priority)
  await answered
  return performance.now() - start
}

/** Sends `count` messages of `size` bytes and waits until the other tab has them all; messages a second. */
async function flood(transport: Transport, count: number, size: number, priority: Priority): Promise<number> {
  const counted = new Promise<void>((resolve) => {
    const before = settle
    settle = (bytes) => {
      if (bytes[0] === kinds.counted) resolve()
      else before(bytes)
    }
  })
  const start = performance.now()
  for (let left = count - 1; left >= 0; left--) {
    const bytes = new Uint8Array(size)
    bytes[0] = kinds.count
    new DataView(bytes.buffer).setUint32(4, left)
    if (!transport.send(bytes, priority)) {
      await transport.room()
      left++
    }
  }
  await counted
  return (count * 1000) / (performance.now() - start)
}

const measurements = {
  async echoes(name: string, count: number) {
    const transport = transports[name] as Transport
    const samples: number[] = []
    for (let index = 0; index < count; index++) samples.push(await echo(transport, priorities.call))
    return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
  },
  flood: (name: string, count: number, size: number, priority: Priority) =>
    flood(transports[name] as Transport, count, size, priority),
  /** Round trips of urgent messages while bulk flows the same way. */
  async echoesUnderBulk(name: string, megabytes: number) {
    const transport = transports[name] as Transport
    const size = 64 * 1024
    let isDone = false
    const samples: number[] = []
    let answered = (): void => {}
    const bulk = new Promise<void>((resolve) => {
      settle = (bytes) => (bytes[0] === kinds.counted ? resolve() : answered())
    }).then(() => {
      isDone = true
    })
    const sending = (async () => {
      for (let left = megabytes * 16 - 1; left >= 0; left--) {
        const bytes = new Uint8Array(size)
        bytes[0] = kinds.count
        new DataView(bytes.buffer).setUint32(4, left)
        if (!transport.send(bytes, priorities.bulk)) {
          await transport.room()
          left++
        }
      }
    })()
    const ping = new Uint8Array(64)
    ping[0] = kinds.echo
    ping[1] = priorities.control
    while (!isDone) {
      const start = performance.now()
      const answer = new Promise<void>((resolve) => {
        answered = resolve
      })
      transport.send(ping, priorities.control)
      await Promise.race([answer, bulk])
      if (!isDone) samples.push(performance.now() - start)
    }
    await sending
    return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), count: samples.length }
  },
}

Object.assign(window, {
  measurements,
  connected: (async () => {
    const [a, b] = await Promise.all([raw(), ringmesh()])
    transports = { raw: a, ringmesh: b }
    for (const transport of [a, b]) serve(transport)
  })(),
})
