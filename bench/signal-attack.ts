import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onCoreOfItsOwn, onlyWhenIdle } from './process-placing.js'
import { ServerProcess, WorkerProcess } from './signal-processes.js'
import type { Bench, Table } from './table.js'
import { buildWorkerScripts } from './worker-scripts.js'

/** Frames that the server is to read under attack; `SIGNAL_ATTACK_FRAMES=200000` for a short run. */
const wanted = Number(process.env.SIGNAL_ATTACK_FRAMES ?? 1_000_000)
/**
 * Seconds of a slice without an attack, and of one with it, here or elsewhere: those who came first are put out within
 * it, and others come in their places.
 */
const calmSlice = 5
const attackSlice = 15
const fewestSlices = 3
/** Seconds that the server has to read what is left of an attack. */
const patience = 60

/** Of Node; none for the plain command. `SIGNAL_ATTACK_FLAGS='--v8-pool-size=1'` measures others. */
const flags = (process.env.SIGNAL_ATTACK_FLAGS ?? '').split(' ').filter((flag) => flag !== '')

/** What the attackers count. */
interface Attack {
  readonly connections: number
  readonly dropped: number
  readonly requests: number
  readonly stalled: number
}

const nothing: Attack = { connections: 0, dropped: 0, requests: 0, stalled: 0 }

/** What was counted before, and what was from one moment to the other. */
const added = (before: Attack, from: Attack, to: Attack): Attack => ({
  connections: before.connections + to.connections - from.connections,
  dropped: before.dropped + to.dropped - from.dropped,
  requests: before.requests + to.requests - from.requests,
  stalled: before.stalled + to.stalled - from.stalled,
})

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1_000))

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const kinds = ['calm', 'floor', 'attack'] as const

async function measure(directory: string, progress: (line: string) => void): Promise<Table> {
  const started: { stop(): Promise<void> }[] = []
  try {
    const asShipped = { flags, isSilent: true }
    const server = await ServerProcess.start(join(directory, 'signal-shipped.mjs'), asShipped)
    started.push(server)
    const other = await ServerProcess.start(join(directory, 'signal-shipped.mjs'), asShipped)
    started.push(other)
    const [bystanders] = await WorkerProcess.start(join(directory, 'signal-bystanders.mjs'))
    started.push(bystanders)
    const [attackers] = await WorkerProcess.start(join(directory, 'signal-attackers.mjs'))
    started.push(attackers)
    const rest = [other.worker, attackers]
    const areIdle = rest.map(({ pid }) => onlyWhenIdle(pid)).every((done) => done)
    const isAlone = onCoreOfItsOwn(
      server.worker.pid,
      [bystanders, ...rest].map(({ pid }) => pid),
    )
    await bystanders.ask({ port: server.port })

    const times = { calm: [] as number[], floor: [] as number[], attack: [] as number[] }
    const spent = { calm: 0, floor: 0, attack: 0 }
    const resident: number[] = []
    let begun = nothing
    let total = nothing
    let frames = 0
    let cpu = 0
    /**
     * Until nobody is heard but the measured peers: what attackers sent before they went is read on for a while, and a
     * slice without an attack would have the end of one in it.
     */
    const settle = async (): Promise<void> => {
      for (let second = 0; second < patience; second++) {
        await bystanders.ask('take')
        const before = (await server.glance()).frames ?? 0
        await seconds(1)
        const trips = ((await bystanders.ask('take')) as number[]).length
        // A round trip is two frames.
        if (((await server.glance()).frames ?? 0) - before < 1.1 * 2 * trips) return
      }
      throw new Error(`the server was not through with an attack ${patience} s after it`)
    }
    /** Round trips meanwhile. */
    const watched = async (length: number): Promise<number[]> => {
      await bystanders.ask('take')
      for (let second = 0; second < length; second++) {
        await seconds(1)
        resident.push(server.worker.resident ?? 0)
      }
      return (await bystanders.ask('take')) as number[]
    }
    // One of each to warm up, which is as long as it takes until all code is compiled.
    for (let round = 0; round <= fewestSlices || frames < wanted; round++) {
      for (const kind of kinds) {
        progress(`signal-attack: ${frames} of ${wanted} frames`)
        await settle()
        const before = await server.glance()
        const start = performance.now()
        if (kind !== 'calm') {
          await attackers.ask({ port: kind === 'floor' ? other.port : server.port })
          begun = (await attackers.ask('begin')) as Attack
        }
        const met = await watched(kind === 'calm' || round === 0 ? calmSlice : attackSlice)
        if (kind !== 'calm') {
          const after = (await attackers.ask('end')) as Attack
          if (kind === 'attack' && round > 0) total = added(total, begun, after)
        }
        if (round === 0) {
          resident.length = 0
          continue
        }
        spent[kind] += (performance.now() - start) / 1000
        times[kind].push(...met)
        if (kind !== 'attack') continue
        const used = await server.glance()
        cpu += used.cpu - before.cpu
        frames += (used.frames ?? 0) - (before.frames ?? 0)
      }
    }
    await seconds(12)
    const after = server.worker.resident ?? 0
    for (const kind of kinds) times[kind].sort((a, b) => a - b)
    const mebi = 2 ** 20
    const first = resident[calmSlice - 1] ?? 0
    const quantiles = [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p99', 0.99],
      ['p99.9', 0.999],
    ] as const
    return {
      title: 'Round trips through the relay in other rooms, under attack',
      peer: 'without it',
      figures: [
        ...quantiles.map(([name, share]) => ({
          name: `round trip, ${name}`,
          value: quantile(times.attack, share),
          unit: 'ms',
          peer: quantile(times.calm, share),
          ...(share === 0.5 && { ratioAtMost: 2 }),
        })),
        ...quantiles.map(([name, share]) => ({
          name: `floor: the attack is on another server, ${name}`,
          value: quantile(times.floor, share),
          unit: 'ms',
          peer: quantile(times.calm, share),
        })),
        ...quantiles.map(([name, share]) => ({
          name: `round trip beside that floor, ${name}`,
          value: quantile(times.attack, share),
          unit: 'ms',
          peer: quantile(times.floor, share),
          ...(share < 0.999 && { ratioAtMost: 2 }),
        })),
        { name: 'round trips measured', value: times.attack.length, unit: '', peer: times.calm.length },
        {
          name: 'round trips in a second',
          value: times.attack.length / spent.attack,
          unit: '/s',
          peer: times.calm.length / spent.calm,
        },
        {
          name: 'resident memory, the most',
          value: Math.max(...resident) / mebi,
          unit: 'MiB',
          peer: first / mebi,
        },
        {
          name: 'resident memory, 12 s after the last attack',
          value: after / mebi,
          unit: 'MiB',
          peer: first / mebi,
          ratioAtMost: 1.5,
        },
        { name: 'frames that the server read under attack', value: frames, unit: '' },
        { name: 'connections they opened', value: total.connections, unit: '' },
        { name: 'of these, closed without a byte of an answer', value: total.dropped, unit: '' },
        { name: 'connections that stalled at some stage', value: total.stalled, unit: '' },
        { name: 'pages asked for, 500 in a row', value: total.requests, unit: '' },
        { name: "the server's share of a core under attack", value: cpu / spent.attack, unit: '' },
      ],
      notes: [
        `Server, attackers and measured peers have a process each; the server is as \`ringmesh signal\` starts it, its log goes nowhere${flags.length === 0 ? '' : `, Node's flags are ${flags.join(' ')}`}.`,
        `Four addresses attack with all their limits let them: fuzzed frames at both doors, floods of relay frames, pings and empty parts, connections that stall at seven stages, pages without end.`,
        `In the world attackers have machines of their own. Here ${areIdle ? 'they run only when nobody else wants a core (SCHED_IDLE)' : 'they run at the lowest priority, as SCHED_IDLE was not to be had'}, and ${isAlone ? "the server's JavaScript has a core to itself, all else the others" : 'all share the cores as they like'}. The floor is what they cost the others when they attack a second server, which runs as they do: no server whose peers share a machine with its attackers can have a shorter tail, so that the target of the tail is against it.`,
        `Slices of ${calmSlice} s without the attack, ${attackSlice} s with it elsewhere and ${attackSlice} s with it take turns, each begun when the server has read all of the one before; the first of each is not counted. Memory is compared with that after the first counted slice.`,
      ],
    }
  } finally {
    await Promise.all(started.map((process) => process.stop()))
  }
}

async function run(progress: (line: string) => void): Promise<Table[]> {
  const directory = await buildWorkerScripts(['signal-shipped', 'signal-bystanders', 'signal-attackers'], {
    standAlone: false,
  })
  try {
    return [await measure(directory, progress)]
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What peers of other rooms feel of a signalling server that is attacked. */
export const bench: Bench = { about: 'other rooms while the signalling server is attacked', run }
