import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeMessage, joinProtocols, protocolVersion } from '../src/wire/index.js'
import { clientFrame, LoadClient } from './signal-load.js'
import { ServerProcess } from './signal-processes.js'
import type { Bench, Figure, Table } from './table.js'
import { buildWorkerScripts, versionOf } from './worker-scripts.js'

const idlePeers = 10_000
const joins = 4_000
/** Sockets that join at the same time. */
const abreast = 64
/** Peers in each room of ringmesh's, where it is not said otherwise: all hear of each that joins. */
const usualRoom = 8
const pairs = 16
/** Frames under way for each pair. */
const window = 16
const relaySeconds = 3

/** How the load generator speaks to one of the two servers. */
interface Dialect {
  readonly name: 'signal-ringmesh' | 'signal-peer'
  /** What a client's request says: with both servers it brings the client in. */
  path(n: number): string
  headers(n: number, roomSize: number): string
  /** A message of so many bytes of the user's to client `n`. */
  message(n: number, bytes: number): Buffer
}

const dialects: readonly Dialect[] = [
  {
    name: 'signal-ringmesh',
    path: () => '/',
    headers: (n, roomSize) => {
      const join = encodeMessage({
        type: 'signal.join',
        protocol: protocolVersion,
        room: `room-${Math.floor(n / roomSize)}`,
        peer: { id: `peer-${n}`, kind: 'tab', weight: 1, host: `host-${n}` },
        token: null,
      })
      return `Sec-WebSocket-Protocol: ${joinProtocols(join).join(', ')}\r\n`
    },
    message: (n, bytes) =>
      clientFrame(
        encodeMessage({ type: 'signal.relay', to: `peer-${n}`, frame: new Uint8Array(bytes).fill(7) }),
        false,
      ),
  },
  {
    name: 'signal-peer',
    path: (n) => `/peerjs?key=peerjs&id=peer-${n}&token=token-${n}`,
    headers: () => '',
    message: (n, bytes) =>
      clientFrame(
        Buffer.from(JSON.stringify({ type: 'OFFER', dst: `peer-${n}`, payload: 'x'.repeat(bytes) })),
        true,
      ),
  },
]

/** Lets `count` clients in, some abreast; each counts as in at the first frame that it gets. */
async function joinAll(
  server: ServerProcess,
  dialect: Dialect,
  count: number,
  roomSize = usualRoom,
  onFrame: (n: number) => void = () => {},
): Promise<LoadClient[]> {
  const clients: LoadClient[] = []
  await new Promise<void>((resolve) => {
    let begun = 0
    let inside = 0
    const begin = (): void => {
      if (begun === count) return
      const n = begun++
      let isIn = false
      clients[n] = new LoadClient(server.port, dialect.path(n), dialect.headers(n, roomSize), () => {
        if (isIn) return onFrame(n)
        isIn = true
        if (++inside === count) resolve()
        else begin()
      })
    }
    for (let started = 0; started < abreast; started++) begin()
  })
  return clients
}

interface Measured {
  readonly joinsPerSecond: number
  /** For each second of the server's CPU: what a core of its own would let it do. */
  readonly joinsPerCpu: number
  readonly togetherPerCpu: number
  readonly idleKept: number
  readonly idleRss: number
  readonly small: number
  readonly smallPerCpu: number
  readonly large: number
  readonly largePerCpu: number
}

async function measure(file: string, dialect: Dialect, progress: (line: string) => void): Promise<Measured> {
  const within = async <Result>(work: (server: ServerProcess) => Promise<Result>): Promise<Result> => {
    const server = await ServerProcess.start(file)
    try {
      return await work(server)
    } finally {
      await server.stop()
    }
  }

  const joining = (roomSize: number): Promise<{ perSecond: number; perCpu: number }> =>
    within(async (server) => {
      progress(`${dialect.name}: joins in rooms of ${roomSize}`)
      // The first thousand warm the server up.
      const warm = await joinAll(server, dialect, 1_000, roomSize)
      for (const client of warm) client.close()
      await new Promise((resolve) => setTimeout(resolve, 500))
      const before = await server.usage()
      const start = performance.now()
      const clients = await joinAll(server, dialect, joins, roomSize)
      const seconds = (performance.now() - start) / 1000
      const after = await server.usage()
      for (const client of clients) client.close()
      return { perSecond: joins / seconds, perCpu: joins / (after.cpu - before.cpu) }
    })
  const [alone, together] = [await joining(1), await joining(usualRoom)]

  progress(`${dialect.name}: ${idlePeers} idle peers`)
  const idle = await within(async (server) => {
    const before = await server.usage()
    const clients = await joinAll(server, dialect, idlePeers)
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const after = await server.usage()
    for (const client of clients) client.close()
    return { kept: (after.kept - before.kept) / idlePeers, rss: (after.rss - before.rss) / idlePeers }
  })

  const relay = (bytes: number): Promise<{ rate: number; perCpu: number }> =>
    within(async (server) => {
      progress(`${dialect.name}: messages of ${bytes} bytes`)
      let got = 0
      let running = true
      const messages: Buffer[] = []
      // Peers 2k and 2k + 1 are a pair, within one room; each frame that arrives lets the next one go.
      const clients = await joinAll(server, dialect, 2 * pairs, usualRoom, (n) => {
        if (!running || n % 2 === 0 || messages.length === 0) return
        got++
        clients[n - 1]?.send(messages[n] as Buffer)
      })
      // Those who joined later have been announced by now.
      await new Promise((resolve) => setTimeout(resolve, 500))
      for (let n = 0; n < 2 * pairs; n++) messages[n] = dialect.message(n, bytes)
      for (let n = 1; n < 2 * pairs; n += 2) {
        for (let sent = 0; sent < window; sent++) clients[n - 1]?.send(messages[n] as Buffer)
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const before = await server.usage()
      got = 0
      const start = performance.now()
      await new Promise((resolve) => setTimeout(resolve, relaySeconds * 1_000))
      const carried = got
      const rate = carried / ((performance.now() - start) / 1000)
      const after = await server.usage()
      running = false
      for (const client of clients) client.close()
      return { rate, perCpu: carried / (after.cpu - before.cpu) }
    })

  const [small, large] = [await relay(200), await relay(16 * 1024)]
  return {
    joinsPerSecond: alone.perSecond,
    joinsPerCpu: alone.perCpu,
    togetherPerCpu: together.perCpu,
    idleKept: idle.kept,
    idleRss: idle.rss,
    small: small.rate,
    smallPerCpu: small.perCpu,
    large: large.rate,
    largePerCpu: large.perCpu,
  }
}

async function run(progress: (line: string) => void): Promise<Table[]> {
  const directory = await buildWorkerScripts(
    dialects.map(({ name }) => name),
    { standAlone: false },
  )
  try {
    const [ours, theirs] = [dialects[0] as Dialect, dialects[1] as Dialect]
    const peer = await measure(join(directory, `${theirs.name}.mjs`), theirs, progress)
    const ringmesh = await measure(join(directory, `${ours.name}.mjs`), ours, progress)
    const figure = (
      name: string,
      key: keyof Measured,
      unit: string,
      scale: number,
      target: Partial<Figure> = {},
    ): Figure => ({ name, value: ringmesh[key] / scale, unit, peer: peer[key] / scale, ...target })
    return [
      {
        title: `One instance: joins, ${idlePeers} idle peers, messages carried`,
        peer: `peer ${versionOf('peer')}`,
        figures: [
          figure("joins for a second of the server's CPU", 'joinsPerCpu', '', 1, { ratioAtLeast: 1.5 }),
          figure(`the same, in rooms of ${usualRoom}`, 'togetherPerCpu', '', 1),
          figure('joins, as the machine had it', 'joinsPerSecond', '/s', 1),
          figure('memory kept for an idle peer', 'idleKept', 'KiB', 1024, { atMost: peer.idleKept / 1024 }),
          figure('resident memory for an idle peer', 'idleRss', 'KiB', 1024),
          figure("messages of 200 bytes for a second of the server's CPU", 'smallPerCpu', '', 1, {
            ratioAtLeast: 1.5,
          }),
          figure('messages of 200 bytes, as the machine had it', 'small', '/s', 1),
          figure("messages of 16 KiB for a second of the server's CPU", 'largePerCpu', '', 1, {
            ratioAtLeast: 1.5,
          }),
          figure('messages of 16 KiB, as the machine had it', 'large', '/s', 1),
          figure('messages of 16 KiB, bytes of the user', 'large', 'MB/s', 1e6 / (16 * 1024)),
        ],
        notes: [
          "The targets are set for the server's CPU time: each server is one thread, and the load generator needs a core too.",
          'One load generator for both, of bare sockets that parse no message; server and generator have a process each.',
          `${abreast} sockets join at a time, each in a room of its own; in rooms of ${usualRoom} all are told of each other, which peer does not do.`,
          `${pairs} pairs with ${window} messages under way each; ringmesh carries bytes in binary frames, peer text in JSON.`,
        ],
      },
    ]
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Signalling against PeerServer, the server of PeerJS. */
export const bench: Bench = { about: 'the signalling server under load, beside PeerServer', run }
