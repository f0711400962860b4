import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from './median.js'
import { abreast, type Dialect, joinAll, peerDialect, ringmeshDialect, usualRoom } from './signal-dialects.js'
import { ServerProcess } from './signal-processes.js'
import type { Bench, Figure, Table } from './table.js'
import { buildWorkerScripts, versionOf } from './worker-scripts.js'

/** Joins of one turn of one server. */
const joins = 4_000
/** Turns of each process, one after the other's, of which the middle one counts: this machine's differ by a third. */
const turns = Number(process.env.SIGNAL_JOINS_TURNS ?? 9)
/**
 * Times that the servers compared are started anew: where a process has its memory and what it has compiled by chance
 * is its own, and one differs from another of the same code by a tenth.
 */
const rounds = 3
/** Turns before those that count, in which the engine compiles what it will run. */
const warmUps = 3
/**
 * Peers that stay in from start to end, as some always are at a server in service: without them the engine forgets,
 * each time that the last has gone, the shapes of objects that it has compiled for, and compiles again.
 */
const residents = 100
/** Milliseconds after which the sockets of the last turn are closed at the server too. */
const settling = 400

/** Whom joins are measured at. */
interface Contestant {
  readonly script: string
  readonly dialect: Dialect
  readonly roomSize: number
  /** {@link rounds}, or one. */
  readonly rounds?: number
}

const peer: Contestant = { script: 'signal-peer', dialect: peerDialect, roomSize: 1 }

/** The servers named `floor` know no peers and no rooms: what a join costs at least, by what it is built on. */
const contestants = {
  alone: { script: 'signal-ringmesh', dialect: ringmeshDialect, roomSize: 1, rounds },
  together: { script: 'signal-ringmesh', dialect: ringmeshDialect, roomSize: usualRoom },
  floorOfNet: { script: 'signal-floor-net', dialect: ringmeshDialect, roomSize: 1 },
  floorOfHttp: { script: 'signal-floor-http', dialect: ringmeshDialect, roomSize: 1 },
  floorOfWs: { script: 'signal-floor-ws', dialect: ringmeshDialect, roomSize: 1 },
} as const satisfies Record<string, Contestant>
type Name = keyof typeof contestants
const names = Object.keys(contestants) as Name[]

interface Turn {
  readonly perSecond: number
  /** For each second of the server's CPU: what a core of its own would let it do. */
  readonly perCpu: number
}

/** The turns of a contestant, and those of `peer` between them. */
interface Turns {
  readonly its: Turn[]
  readonly peers: Turn[]
}

async function turnOf(server: ServerProcess, { dialect, roomSize }: Contestant): Promise<Turn> {
  // No collection of garbage is asked for, which would throw away compiled code too: servers collect when they want to.
  const before = await server.glance()
  const start = performance.now()
  const clients = await joinAll(server.port, dialect, joins, roomSize)
  const seconds = (performance.now() - start) / 1000
  const after = await server.glance()
  for (const client of clients) client.close()
  await new Promise((resolve) => setTimeout(resolve, settling))
  return { perSecond: joins / seconds, perCpu: joins / (after.cpu - before.cpu) }
}

/** A process of the contestant and one of `peer`, turn by turn: what else the machine does then, it does to both. */
async function round(directory: string, contestant: Contestant, { its, peers }: Turns): Promise<void> {
  const pair = [
    [peer, peers],
    [contestant, its],
  ] as const
  const servers: ServerProcess[] = []
  try {
    for (const [{ script, dialect }] of pair) {
      const server = await ServerProcess.start(join(directory, `${script}.mjs`))
      servers.push(server)
      await joinAll(server.port, dialect, residents, 1, { first: joins })
    }
    for (let turn = -warmUps; turn < turns; turn++) {
      for (const [index, [who, results]] of pair.entries()) {
        const result = await turnOf(servers[index] as ServerProcess, who)
        if (turn >= 0) results.push(result)
      }
    }
  } finally {
    for (const server of servers) await server.stop()
  }
}

async function measured(directory: string, progress: (line: string) => void): Promise<Record<Name, Turns>> {
  const results = Object.fromEntries(
    names.map((name) => [name, { its: [], peers: [] }]),
  ) as unknown as Record<Name, Turns>
  for (const name of names) {
    const contestant: Contestant = contestants[name]
    const { rounds: of = 1 } = contestant
    for (let count = 1; count <= of; count++) {
      progress(`${contestant.script} beside peer, ${count} of ${of}`)
      await round(directory, contestant, results[name])
    }
  }
  return results
}

async function run(progress: (line: string) => void): Promise<Table[]> {
  const scripts = [...new Set([peer.script, ...names.map((name) => contestants[name].script)])]
  const directory = await buildWorkerScripts(scripts, { standAlone: false })
  try {
    const results = await measured(directory, progress)
    const middle = (of: readonly Turn[], key: keyof Turn): number => median(of.map((turn) => turn[key]))
    const figure = (
      name: string,
      whose: Name,
      key: keyof Turn,
      unit: string,
      target: Partial<Figure> = {},
    ): Figure => {
      const { its, peers } = results[whose]
      return { name, value: middle(its, key), unit, peer: middle(peers, key), ...target }
    }
    return [
      {
        title: 'One instance: joins',
        peer: `peer ${versionOf('peer')}`,
        figures: [
          figure("joins for a second of the server's CPU", 'alone', 'perCpu', '', { ratioAtLeast: 1.5 }),
          figure(`the same, in rooms of ${usualRoom}`, 'together', 'perCpu', ''),
          figure('joins, as the machine had it', 'alone', 'perSecond', '/s'),
          figure('floor: bare node:net, for a second of CPU', 'floorOfNet', 'perCpu', ''),
          figure('floor: bare node:net, as the machine had it', 'floorOfNet', 'perSecond', '/s'),
          figure('floor: bare node:http, for a second of CPU', 'floorOfHttp', 'perCpu', ''),
          figure('floor: bare ws, for a second of CPU', 'floorOfWs', 'perCpu', ''),
          figure('floor: bare ws, as the machine had it', 'floorOfWs', 'perSecond', '/s'),
        ],
        notes: [
          `Each beside a peer of its own, a process each, that take ${turns} turns of ${joins} joins by turns, after ${warmUps} to warm up; medians of ${rounds} such pairs for the first, of one for the others. ${residents} peers stay in throughout.`,
          'Ours asks of V8 what the command line asks of it.',
          `${abreast} sockets join at a time, each in a room of its own; in rooms of ${usualRoom} all are told of each other, which peer does not do.`,
          "One load generator for all, of bare sockets that parse no message. The target is set for the server's CPU time: the generator needs a core too.",
          'The floors answer every upgrade with 101 and one frame, and do nothing else.',
        ],
      },
    ]
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** How fast peers come in, against PeerServer and against what such a server costs at least. */
export const bench: Bench = { about: 'joins at the signalling server, beside PeerServer', run }
