import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Remote, wrap } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { GenServer, type ProcessRef, ProcessSystem, Supervisor, worker } from '../src/otp/index.js'
import { systemRuntime } from '../src/runtime/index.js'
import { openWorker } from '../src/threads/adapters/worker.js'
import { median } from './median.js'
import type { Bench, Table } from './table.js'
import { buildWorkerScripts, versionOf } from './worker-scripts.js'

const pipelined = 10_000
const sequential = 2_000
const turns = 7
const respawns = 15
const processes = 10_000

interface Caller {
  readonly name: string
  inc(): PromiseLike<unknown>
  close(): unknown
}

function newSystem(): ProcessSystem {
  return new ProcessSystem({ runtime: systemRuntime({ log: () => {} }), threads: openWorker })
}

async function callers(folder: string): Promise<[Caller, Caller, Caller]> {
  const system = newSystem()
  const ref = await system.start(worker(() => new Worker(join(folder, 'otp-ringmesh.mjs'))))
  const other = new Worker(join(folder, 'otp-comlink.mjs'))
  const remote = wrap(nodeEndpoint(other)) as Remote<{ inc(): number }>
  const bare = new Worker(join(folder, 'otp-bare.mjs'))
  await new Promise((resolve) => bare.once('message', resolve))
  const waiting: ((value: unknown) => void)[] = []
  bare.on('message', (value) => waiting.shift()?.(value))
  return [
    { name: 'ringmesh', inc: () => system.call(ref, 'inc'), close: () => system.close() },
    { name: 'comlink', inc: () => remote.inc(), close: () => other.terminate() },
    {
      name: 'bare postMessage',
      inc: () =>
        new Promise((resolve) => {
          waiting.push(resolve)
          bare.postMessage('inc')
        }),
      close: () => bare.terminate(),
    },
  ]
}

async function rate(work: () => Promise<unknown>, count: number): Promise<number> {
  const start = performance.now()
  await work()
  return (count / (performance.now() - start)) * 1_000
}

const inPipeline = ({ inc }: Caller) => Promise.all(Array.from({ length: pipelined }, inc))
const inSequence = async ({ inc }: Caller): Promise<void> => {
  for (let call = 0; call < sequential; call++) await inc()
}

async function calls(folder: string, progress: (line: string) => void): Promise<Table> {
  const all = await callers(folder)
  const best = all.map(() => ({ pipelined: 0, sequential: 0 }))
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, caller] of all.entries()) {
      progress(`calls, ${caller.name}, turn ${turn + 1} of ${turns}`)
      const figures = best[index] as { pipelined: number; sequential: number }
      figures.pipelined = Math.max(figures.pipelined, await rate(() => inPipeline(caller), pipelined))
      figures.sequential = Math.max(figures.sequential, await rate(() => inSequence(caller), sequential))
    }
  }
  for (const caller of all) await caller.close()
  const [ours, comlink, bare] = best as [(typeof best)[0], (typeof best)[0], (typeof best)[0]]
  return {
    title: 'Calls to a worker of worker_threads, calls a second, the best of seven turns',
    peer: `comlink ${versionOf('comlink')}`,
    figures: [
      {
        name: `ringmesh: ${pipelined.toLocaleString('en-US')} calls pipelined`,
        value: ours.pipelined,
        unit: '/s',
        peer: comlink.pipelined,
        ratioAtLeast: 1.5,
      },
      {
        name: 'ringmesh: one call after the other',
        value: ours.sequential,
        unit: '/s',
        peer: comlink.sequential,
        ratioAtLeast: 1,
      },
      { name: 'bare postMessage: pipelined', value: bare.pipelined, unit: '/s', peer: comlink.pipelined },
      { name: 'bare postMessage: in sequence', value: bare.sequential, unit: '/s', peer: comlink.sequential },
    ],
  }
}

/** From the kill of a worker under one_for_one to the first answer of the next. */
async function respawn(system: ProcessSystem): Promise<number> {
  const start = performance.now()
  system.exit('it', 'killed')
  for (;;) {
    try {
      await system.call('it', 'inc')
      return performance.now() - start
    } catch {
      // The name is free for the moment between the end of one and the start of the next.
    }
  }
}

async function bareSpawn(folder: string): Promise<number> {
  const start = performance.now()
  const bare = new Worker(join(folder, 'otp-bare.mjs'))
  await new Promise((resolve) => bare.once('message', resolve))
  const took = performance.now() - start
  await bare.terminate()
  return took
}

async function respawning(folder: string, progress: (line: string) => void): Promise<Table> {
  const system = newSystem()
  await Supervisor.start(system, {
    maxRestarts: 1_000,
    children: [{ id: 'it', name: 'it', start: worker(() => new Worker(join(folder, 'otp-ringmesh.mjs'))) }],
  })
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round < respawns; round++) {
    progress(`respawn ${round + 1} of ${respawns}`)
    ours.push(await respawn(system))
    bare.push(await bareSpawn(folder))
  }
  system.close()
  const [took, spawn] = [median(ours), median(bare)]
  return {
    title: 'A killed worker, until its successor has answered a call; median',
    peer: 'a bare new Worker, until its first message',
    figures: [
      { name: 'ringmesh: respawn under one_for_one', value: took, unit: 'ms', peer: spawn },
      { name: 'bare new Worker', value: spawn, unit: 'ms' },
      { name: 'ratio', value: took / spawn, unit: '', atMost: 1.5 },
    ],
  }
}

class Echo extends GenServer {
  override handleCall(request: unknown): unknown {
    return request
  }
}

async function inPage(progress: (line: string) => void): Promise<Table> {
  const system = newSystem()
  let refs: ProcessRef[] = []
  let start = 0
  let call = 0
  let stop = 0
  for (let turn = 0; turn < 5; turn++) {
    progress(`processes in one page, turn ${turn + 1} of 5`)
    start = Math.max(
      start,
      await rate(async () => {
        refs = await Promise.all(Array.from({ length: processes }, () => system.start(Echo)))
      }, processes),
    )
    call = Math.max(call, await rate(() => Promise.all(refs.map((ref) => system.call(ref, 1))), processes))
    stop = Math.max(stop, await rate(() => Promise.all(refs.map((ref) => system.stop(ref))), processes))
  }
  return {
    title: `${processes.toLocaleString('en-US')} processes in one page, the best of five turns`,
    figures: [
      { name: 'starts', value: start, unit: '/s' },
      { name: 'one call to each', value: call, unit: '/s' },
      { name: 'stops', value: stop, unit: '/s' },
    ],
    notes: ['Elixir is not compared here: it is not on the machines that these benches run on.'],
  }
}

export const bench: Bench = {
  about: 'processes: calls to workers, respawn, ten thousand in a page',
  async run(progress) {
    progress('building the workers')
    const folder = await buildWorkerScripts(['otp-ringmesh', 'otp-comlink', 'otp-bare'], { standAlone: true })
    try {
      return [await calls(folder, progress), await respawning(folder, progress), await inPage(progress)]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
