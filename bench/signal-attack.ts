import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ServerProcess, WorkerProcess } from './signal-processes.js'
import type { Bench, Table } from './table.js'
import { buildWorkerScripts } from './worker-scripts.js'

/** `SIGNAL_ATTACK_FRAMES=1000000` for a long run. */
const wanted = Number(process.env.SIGNAL_ATTACK_FRAMES ?? 200_000)
/** Seconds of a slice with the attack, and of one without. */
const slice = 5
/** Seconds between them: what is under way ends. */
const settling = 1
const fewestSlices = 4

/** What the attackers count. */
interface Attack {
  readonly connections: number
  readonly dropped: number
  readonly requests: number
  readonly stalled: number
}

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1_000))

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function measure(directory: string, progress: (line: string) => void): Promise<Table> {
  const started: { stop(): Promise<void> }[] = []
  try {
    const server = await ServerProcess.start(join(directory, 'signal-shipped.mjs'))
    started.push(server)
    const [bystanders] = await WorkerProcess.start(join(directory, 'signal-bystanders.mjs'))
    started.push(bystanders)
    const [attackers] = await WorkerProcess.start(join(directory, 'signal-attackers.mjs'))
    started.push(attackers)
    const { port } = server
    await bystanders.ask({ port })
    await attackers.ask({ port })

    const [calm, attacked]: [number[], number[]] = [[], []]
    const resident: number[] = []
    let attack: Attack | undefined
    let frames = 0
    let attackSeconds = 0
    let cpu = 0
    const watched = async (): Promise<number[]> => {
      await bystanders.ask('take')
      for (let second = 0; second < slice; second++) {
        await seconds(1)
        resident.push(server.worker.resident ?? 0)
      }
      return (await bystanders.ask('take')) as number[]
    }
    // One of each to warm up, which is as long as it takes until all code is compiled.
    for (let round = 0; round <= fewestSlices || frames < wanted; round++) {
      progress(`signal-attack: ${frames} of ${wanted} frames`)
      await seconds(settling)
      const without = await watched()
      const before = await server.glance()
      const asked = watched()
      await attackers.ask('begin')
      const start = performance.now()
      const under = await asked
      attack = (await attackers.ask('end')) as Attack
      if (round === 0) {
        resident.length = 0
        continue
      }
      attackSeconds += (performance.now() - start) / 1000
      const used = await server.glance()
      cpu += used.cpu - before.cpu
      frames += (used.frames ?? 0) - (before.frames ?? 0)
      calm.push(...without)
      attacked.push(...under)
      resident.push(server.worker.resident ?? 0)
    }
    await seconds(12)
    const after = server.worker.resident ?? 0
    calm.sort((a, b) => a - b)
    attacked.sort((a, b) => a - b)
    const mebi = 2 ** 20
    const first = resident[slice - 1] ?? 0
    const quantiles = [
      ['p50', 0.5, 2],
      ['p99', 0.99, 2],
      ['p99.9', 0.999, undefined],
    ] as const
    return {
      title: 'Round trips through the relay in other rooms, under attack',
      peer: 'without it',
      figures: [
        ...quantiles.map(([name, share, ratioAtMost]) => ({
          name: `round trip, ${name}`,
          value: quantile(attacked, share),
          unit: 'ms',
          peer: quantile(calm, share),
          ...(ratioAtMost === undefined ? {} : { ratioAtMost }),
        })),
        {
          name: 'round trips in a second',
          value: attacked.length / attackSeconds,
          unit: '/s',
          peer: calm.length / attackSeconds,
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
        { name: 'connections they opened', value: attack?.connections ?? 0, unit: '' },
        { name: 'of these, closed without a byte of an answer', value: attack?.dropped ?? 0, unit: '' },
        { name: 'connections that stalled at some stage', value: attack?.stalled ?? 0, unit: '' },
        { name: 'pages asked for, 500 in a row', value: attack?.requests ?? 0, unit: '' },
        { name: "the server's share of a core under attack", value: cpu / attackSeconds, unit: '' },
      ],
      notes: [
        `Server, attackers and measured peers have a process each; the server's limits are as they come.`,
        `Four addresses attack with all their limits let them: fuzzed frames at both doors, floods of relay frames, pings and empty parts, connections that stall at seven stages, pages without end.`,
        `The attackers run at the lowest priority, as all share the machine's cores; they never wait of their own accord.`,
        `Slices of ${slice} s with and without the attack take turns; the first of each is not counted. Memory is compared with that after the first counted slice.`,
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
