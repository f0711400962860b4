/**
 * Runs in each of two tabs of one browser: a bare data channel, peerjs and ringmesh's links side by
 * side. `bench/links/run.ts` opens the tabs and asks for the figures.
 */
import { type Priority, priorities } from '../../src/wire/index.js'
import { peerjs } from './peerjs.js'
import { raw } from './raw.js'
import { ringmesh } from './ringmesh.js'
import type { Transport } from './transport.js'

const kinds = { echo: 1, echoed: 2, count: 3, counted: 4 } as const
let transports: Readonly<Record<string, Transport>>
/** Holds the paced bulk of the bare channel to so many bytes a second. */
let pace: (bytesPerSecond: number) => void
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

/**
 * Messages of bulk, counted down, in memory that is there before: who sends much has it ready, as of a file. To make it
 * beside the echoes would have them wait for the page's own garbage collection.
 */
function preparedBulk(count: number, size: number): Uint8Array[] {
  const file = new Uint8Array(count * size)
  return Array.from({ length: count }, (_, index) => {
    const bytes = file.subarray(index * size, (index + 1) * size)
    bytes[0] = kinds.count
    new DataView(file.buffer).setUint32(index * size + 4, count - 1 - index)
    return bytes
  })
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
  /**
   * Round trips of urgent messages while bulk flows the same way.
   *
   * @param pause - milliseconds between an answer and the next message
   */
  async echoesUnderBulk(name: string, megabytes: number, pause = 0) {
    const transport = transports[name] as Transport
    const messages = preparedBulk(megabytes * 64, 16 * 1024)
    let isDone = false
    const samples: number[] = []
    let answered = (): void => {}
    const bulk = new Promise<void>((resolve) => {
      settle = (bytes) => (bytes[0] === kinds.counted ? resolve() : answered())
    }).then(() => {
      isDone = true
    })
    const begun = performance.now()
    const sending = (async () => {
      for (const bytes of messages) while (!transport.send(bytes, priorities.bulk)) await transport.room()
    })()
    const ping = new Uint8Array(64)
    ping[0] = kinds.echo
    ping[1] = priorities.control
    while (!isDone) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
      const start = performance.now()
      const answer = new Promise<void>((resolve) => {
        answered = resolve
      })
      transport.send(ping, priorities.control)
      await Promise.race([answer, bulk])
      if (!isDone) samples.push(performance.now() - start)
    }
    await sending
    /** Messages of bulk a second meanwhile. */
    const bulkRate = (messages.length * 1000) / (performance.now() - begun)
    return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), bulkRate }
  },
}

Object.assign(window, {
  measurements,
  pace: (bytesPerSecond: number) => pace(bytesPerSecond),
  /** @param port - of the PeerServer */
  async connect(port: number) {
    const [bare, links, package_] = await Promise.all([raw(), ringmesh(), peerjs(port)])
    const { pace: paceBare, ...bareTransports } = bare
    pace = paceBare
    transports = { ...bareTransports, ringmesh: links, peerjs: package_ }
    for (const transport of Object.values(transports)) serve(transport)
  },
})
