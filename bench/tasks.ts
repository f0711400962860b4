import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Remote, wrap } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import workerpool from 'workerpool'
import { MemoryNetwork } from '../src/links/adapters/memory.js'
import { MeshCore } from '../src/mesh/index.js'
import { fakeClusters } from '../src/mesh/testing/fake-cluster.js'
import { systemRuntime, VirtualTime } from '../src/runtime/index.js'
import { TaskService } from '../src/tasks/index.js'
import { latenciesOf, type Policy, policies } from '../src/tasks/testing/slow-peer.js'
import { openWorker } from '../src/threads/adapters/worker.js'
import { packValue, unpackValue } from '../src/wire/index.js'
import type { Bench, Table } from './table.js'
import { buildWorkerScripts, versionOf } from './worker-scripts.js'

/** Of each pool: as many as the cores of a small machine. */
const threads = 2
/** Tasks that are submitted at once, as `map` over a long list has them. */
const batch = 10_000
const turns = 5

type Doubler = (n: number) => PromiseLike<number>

interface Pool {
  readonly name: string
  readonly double: Doubler
  close(): unknown
}

/** A service that is alone in its mesh, on real time. */
function aloneService(): TaskService {
  const cluster = fakeClusters(new VirtualTime(), ['page']).cluster('page')
  Object.defineProperty(cluster, 'runtime', { value: systemRuntime() })
  return new TaskService({ cluster, pool: { size: threads, open: openWorker } })
}

function pools(folder: string): Pool[] {
  const service = aloneService()
  service.defineInWorker('double', () => new Worker(join(folder, 'ringmesh.mjs')))
  const other = workerpool.pool(join(folder, 'workerpool.mjs'), {
    maxWorkers: threads,
    minWorkers: threads,
    workerType: 'thread',
  })
  const workers = Array.from({ length: threads }, () => new Worker(join(folder, 'comlink.mjs')))
  const remotes = workers.map((worker) => wrap(nodeEndpoint(worker)) as Remote<{ double(n: number): number }>)
  let turn = 0
  return [
    { name: 'ringmesh', double: (n) => service.run<number>('double', n), close: () => service.close() },
    {
      name: 'workerpool',
      double: (n) => other.exec('double', [n]) as PromiseLike<number>,
      close: () => other.terminate(),
    },
    {
      name: 'comlink, two workers in turn',
      double: (n) => (remotes[turn++ % threads] as Remote<{ double(n: number): number }>).double(n),
      close: () => Promise.all(workers.map((worker) => worker.terminate())),
    },
  ]
}

async function checkedBatch(double: Doubler): Promise<number> {
  const start = performance.now()
  const results = await Promise.all(Array.from({ length: batch }, (_, n) => double(n)))
  const took = performance.now() - start
  if (results.some((value, n) => value !== n * 2)) throw new Error('a pool gave a wrong result')
  return took
}

async function medianAlone(double: Doubler): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < 2_000; n++) {
    const start = performance.now()
    await double(n)
    took.push((performance.now() - start) * 1_000)
  }
  return took.sort((a, b) => a - b)[took.length / 2] ?? 0
}

async function onePage(progress: (line: string) => void): Promise<Table[]> {
  progress('building the workers')
  const folder = await buildWorkerScripts(['ringmesh', 'workerpool', 'comlink'], { standAlone: true })
  const all = pools(folder)
  const best = all.map(() => Number.POSITIVE_INFINITY)
  const alone: number[] = []
  for (const { double } of all) await checkedBatch(double)
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, { name, double }] of all.entries()) {
      progress(`small tasks, ${name}, turn ${turn + 1} of ${turns}`)
      best[index] = Math.min(best[index] ?? 0, await checkedBatch(double))
    }
  }
  for (const { name, double } of all) {
    progress(`one task at a time, ${name}`)
    alone.push(await medianAlone(double))
  }
  for (const { close } of all) await close()
  await rm(folder, { recursive: true })
  const peer = `workerpool ${versionOf('workerpool')}`
  const rate = (index: number) => batch / (best[index] ?? 1)
  return [
    {
      title: `Small tasks through ${threads} threads, ${batch.toLocaleString('en-US')} submitted at once`,
      peer,
      figures: all.map(({ name }, index) => ({
        name,
        value: rate(index),
        unit: 'k/s',
        peer: rate(1),
        ...(index === 0 ? { ratioAtLeast: 1.5 } : {}),
      })),
      notes: [
        `the best of ${turns} batches in turns; comlink ${versionOf('comlink')} has no pool, queue or abort`,
      ],
    },
    {
      title: 'One small task at a time, call to result, median',
      peer,
      figures: all.map(({ name }, index) => ({
        name,
        value: alone[index] ?? 0,
        unit: 'µs',
        peer: alone[1] ?? 0,
      })),
    },
  ]
}

/** What a processor spends on a task at another peer, both sides and the codec, over a bare request and reply. */
function overhead(progress: (line: string) => void): Promise<Table> {
  progress('a task at another peer')
  const calls = 20_000
  const time = new VirtualTime('overhead')
  const network = new MemoryNetwork(time.runtime('network'))
  const open = (id: string) =>
    new MeshCore({
      runtime: time.runtime(id),
      self: { id, kind: 'tab', weight: 1, host: id },
      openSignaling: network.signaling('bench'),
      openDirect: network.direct(id),
      relay: 'fallback',
      joined() {},
      refused(error) {
        throw error
      },
    })
  const caller = open('caller')
  const worker = open('worker')
  worker.serve('mesh.user', ({ body }, request) => {
    request.reply({ type: 'mesh.user', body: packValue((unpackValue(body) as number) * 2) })
  })
  const service = new TaskService({ cluster: caller })
  new TaskService({ cluster: worker }).define('double', (n: number) => n * 2, { concurrency: 64 })
  caller.start()
  worker.start()
  const request = (n: number) =>
    new Promise<number>((resolve) => {
      caller.request('worker', { type: 'mesh.user', body: packValue(n) }, 10_000, (outcome) => {
        if (outcome.kind === 'reply' && outcome.message.type === 'mesh.user') {
          resolve(unpackValue(outcome.message.body) as number)
        }
      })
    })
  const measure = async (call: (n: number) => Promise<number>) => {
    let shortest = Number.POSITIVE_INFINITY
    let latency = 0
    for (let turn = 0; turn < turns; turn++) {
      const start = performance.now()
      let open = 0
      let n = 0
      const next = () => {
        while (open < 32 && n < calls) {
          open++
          const at = time.now
          void call(n++).then(() => {
            latency = time.now - at
            open--
          })
        }
      }
      while (n < calls || open > 0) {
        next()
        await time.advanceAsync(1)
      }
      shortest = Math.min(shortest, performance.now() - start)
    }
    return { each: (shortest / calls) * 1_000, latency }
  }
  return (async () => {
    await time.advanceAsync(30_000)
    const bare = await measure(request)
    const task = await measure((n) => service.run<number>('double', n))
    return {
      title: 'A task at another peer over a bare request and reply, whole peers on virtual links of 1 ms',
      peer: 'request and reply',
      figures: [
        {
          name: 'run: latency',
          value: task.latency,
          unit: 'ms',
          peer: bare.latency,
          atMost: 1.3 * bare.latency,
        },
        { name: 'run: processor time, both sides', value: task.each, unit: 'µs', peer: bare.each },
      ],
    }
  })()
}

async function slowPeer(progress: (line: string) => void): Promise<Table> {
  const tasks = 20_000
  const figures: Table['figures'][number][] = []
  for (const runs of ['alike', 'exponential'] as const) {
    for (const policy of Object.keys(policies) as Policy[]) {
      progress(`${policy}, ${runs} runs`)
      const latencies = await latenciesOf(policy, { tasks, load: 0.9, runs })
      const value = latencies[Math.floor(tasks * 0.99)] ?? 0
      const target = policy === 'ringmesh' ? { atMost: 12 } : {}
      figures.push({
        name: `${policy}, ${runs} runs: 99th percentile`,
        value,
        unit: 'service times',
        ...target,
      })
    }
  }
  return {
    title: 'Ten workers, one ten times slower, 90 % load, virtual time',
    figures,
    notes: [
      `${tasks.toLocaleString('en-US')} tasks; for round-robin the figure grows with their number, as the slow queue does`,
    ],
  }
}

export const bench: Bench = {
  about: 'tasks through pools of threads, at other peers, and beside a slow peer',
  async run(progress) {
    return [...(await onePage(progress)), await overhead(progress), await slowPeer(progress)]
  },
}
