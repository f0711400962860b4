import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from './median.js'
import { abreast, type Dialect, joinAll, peerDialect, ringmeshDialect, usualRoom } from './signal-dialects.js'
import { ServerProcess } from './signal-processes.js'
import type { Bench, Figure, Table } from './table.js'
import { buildWorkerScripts, versionOf } from './worker-scripts.js'

/** Joins of one turn of one server. */
const joins = 4_000
/** Turns of each server, one after the other's, of which the middle one counts: this machine's differ by a third. */
const turns = Number(process.env.SIGNAL_JOINS_TURNS ?? 7)
/**
 * Processes of each server that is compared: where one has its memory and what it has compiled by chance is its own, and
 * one differs from another of the same code by a tenth.
 */
const processes = 3
/** Turns before them, in which the engine compiles what it will run. */
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
  /** {@link processes}, or one. */
  readonly processes?: number
}

/** The servers named `floor` know no peers and no rooms: what a join costs at least, by what it is built on. */
const contestants = {
  peer: { script: 'signal-peer', dialect: peerDialect, roomSize: 1, processes },
  alone: { script: 'signal-ringmesh', dialect: ringmeshDialect, roomSize: 1, processes },
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

async function measured(
  directory: string,
  progress: (line: string) => void,
): Promise<Record<Name, readonly Turn[]>> {
  const results = Object.fromEntries(names.map((name) => [name, [] as Turn[]])) as Record<Name, Turn[]>
  const servers: (readonly [Name, ServerProcess])[] = []
  try {
    for (let process = 0; process < processes; process++) {
      for (const name of names) {
        const contestant: Contestant = contestants[name]
        if (process >= (contestant.processes ?? 1)) continue
        const server = await ServerProcess.start(join(directory, `${contestant.script}.mjs`))
        servers.push([name, server])
        await joinAll(server.port, contestant.dialect, residents, 1, { first: joins })
      }
    }
    for (let turn = -warmUps; turn < turns; turn++) {
      progress(turn < 0 ? 'warming up' : `turn ${turn + 1} of ${turns}`)
      for (const [name, server] of servers) {
        const result = await turnOf(server, contestants[name])
        if (turn >= 0) results[name].push(result)
      }
    }
    return results
  } finally {
    for (const [, server] of servers) await server.stop()
  }
}

async function run(progress: (line: string) => void): Promise<Table[]> {
  const scripts = [...new Set(names.map((name) => contestants[name].script))]
  const directory = await buildWorkerScripts(scripts, { standAlone: false })
  try {
    const results = await measured(directory, progress)
    const middle = (name: Name, key: keyof Turn): number => median(results[name].map((turn) => turn[key]))
    const figure = (
      name: string,
      whose: Name,
      key: keyof Turn,
      unit: string,
      target: Partial<Figure> = {},
    ): Figure => ({ name, value: middle(whose, key), unit, peer: middle('peer', key), ...target })
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
          `Every server has a process of its own, peer and the first of ours ${processes} each; each process is warmed up by ${warmUps} turns, and takes ${turns} turns of ${joins} joins, one after the other's; medians. ${residents} peers stay in throughout.`,
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
