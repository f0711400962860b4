import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Dialect, joinAll, peerDialect, ringmeshDialect, usualRoom } from './signal-dialects.js'
import { ServerProcess } from './signal-processes.js'
import type { Bench, Figure, Table } from './table.js'
import { buildWorkerScripts, versionOf } from './worker-scripts.js'

const idlePeers = 10_000
const pairs = 16
/** Frames under way for each pair. */
const window = 16
const relaySeconds = 3
/** Milliseconds until all that was sent has been read. */
const settling = 2_000

/** A server and how it is spoken to. */
interface Contestant {
  readonly script: string
  readonly dialect: Dialect
}

const ringmeshServer: Contestant = { script: 'signal-ringmesh', dialect: ringmeshDialect }
const peerServer: Contestant = { script: 'signal-peer', dialect: peerDialect }

interface Measured {
  /** Bytes for each peer that has said something and waits. */
  readonly idleKept: number
  readonly idleRss: number
  /** Bytes for each peer that has only joined. */
  readonly silentKept: number
  readonly small: number
  /** For each second of the server's CPU: what a core of its own would let it do. */
  readonly smallPerCpu: number
  readonly large: number
  readonly largePerCpu: number
}

async function measure(
  directory: string,
  { script, dialect }: Contestant,
  progress: (line: string) => void,
): Promise<Measured> {
  const within = async <Result>(work: (server: ServerProcess) => Promise<Result>): Promise<Result> => {
    const server = await ServerProcess.start(join(directory, `${script}.mjs`))
    try {
      return await work(server)
    } finally {
      await server.stop()
    }
  }

  progress(`${script}: ${idlePeers} idle peers`)
  const idle = await within(async (server) => {
    const before = await server.usage()
    const clients = await joinAll(server.port, dialect, idlePeers)
    await new Promise((resolve) => setTimeout(resolve, settling))
    const silent = await server.usage()
    // What is kept for one from whom nothing has come yet is not what it will be for long.
    for (const client of clients) client.send(dialect.heartbeat)
    await new Promise((resolve) => setTimeout(resolve, settling))
    const after = await server.usage()
    for (const client of clients) client.close()
    return {
      silentKept: (silent.kept - before.kept) / idlePeers,
      kept: (after.kept - before.kept) / idlePeers,
      rss: (after.rss - before.rss) / idlePeers,
    }
  })

  const relay = (bytes: number): Promise<{ rate: number; perCpu: number }> =>
    within(async (server) => {
      progress(`${script}: messages of ${bytes} bytes`)
      let got = 0
      let running = true
      const messages: Buffer[] = []
      // Peers 2k and 2k + 1 are a pair, within one room; each frame that arrives lets the next one go.
      const clients = await joinAll(server.port, dialect, 2 * pairs, usualRoom, {
        onFrame: (n) => {
          if (!running || n % 2 === 0 || messages.length === 0) return
          got++
          clients[n - 1]?.send(messages[n] as Buffer)
        },
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
    idleKept: idle.kept,
    idleRss: idle.rss,
    silentKept: idle.silentKept,
    small: small.rate,
    smallPerCpu: small.perCpu,
    large: large.rate,
    largePerCpu: large.perCpu,
  }
}

async function run(progress: (line: string) => void): Promise<Table[]> {
  const directory = await buildWorkerScripts(
    [peerServer, ringmeshServer].map(({ script }) => script),
    { standAlone: false },
  )
  try {
    const peer = await measure(directory, peerServer, progress)
    const ringmesh = await measure(directory, ringmeshServer, progress)
    const figure = (
      name: string,
      key: keyof Measured,
      unit: string,
      scale: number,
      target: Partial<Figure> = {},
    ): Figure => ({ name, value: ringmesh[key] / scale, unit, peer: peer[key] / scale, ...target })
    return [
      {
        title: `One instance: ${idlePeers} idle peers, messages carried`,
        peer: `peer ${versionOf('peer')}`,
        figures: [
          figure('memory kept for an idle peer', 'idleKept', 'KiB', 1024, { atMost: peer.idleKept / 1024 }),
          figure('resident memory for an idle peer', 'idleRss', 'KiB', 1024),
          figure('memory kept for a peer that only joined', 'silentKept', 'KiB', 1024),
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
          'An idle peer has sent one frame, a heartbeat, after it joined.',
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
