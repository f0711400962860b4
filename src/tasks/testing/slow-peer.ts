// biome-ignore lint/style/noRestrictedImports: a test's network, and not part of the product
import { fakeClusters } from '../../mesh/testing/fake-cluster.js'
import { seededRandom, VirtualTime } from '../../runtime/index.js'
import { TaskService } from '../service.js'

export interface SlowPeerPlan {
  readonly tasks: number
  /** The part of what all workers can do that arrives. */
  readonly load: number
  /** How runs of one worker differ: all alike, or exponentially distributed. */
  readonly runs: 'alike' | 'exponential'
}

/** Workers beside the coordinator, of which the first is ten times slower. */
const workers = 10
const slowness = 10
/** Milliseconds of a run at the others, and of a message one way. */
const service = 20
const delay = 1

/** Takes a task that arrived; its run at the worker chosen takes so long. `done` when its result is back. */
interface Scheduler {
  submit(done: () => void): void
}

interface Bed {
  readonly time: VirtualTime
  /** Draws the milliseconds of a run at a worker. */
  took(worker: number): number
  random(): number
}

/** How a task finds its worker. */
export const policies = {
  ringmesh,
  'plain round-robin': (bed: Bed) => {
    let turn = 0
    return queueing(bed, () => turn++ % workers)
  },
  'power of two choices': (bed: Bed) =>
    queueing(bed, (lengths) => {
      const one = Math.floor(bed.random() * workers)
      const other = (one + 1 + Math.floor(bed.random() * (workers - 1))) % workers
      return (lengths[other] ?? 0) < (lengths[one] ?? 0) ? other : one
    }),
} as const

export type Policy = keyof typeof policies

/** Each worker has a queue of its own, and a task is put into one as it arrives. */
function queueing({ time, took }: Bed, choose: (lengths: readonly number[]) => number): Scheduler {
  const free = new Array<number>(workers).fill(0)
  const lengths = new Array<number>(workers).fill(0)
  return {
    submit(done) {
      const worker = choose(lengths)
      const end = Math.max(time.now + delay, free[worker] ?? 0) + took(worker)
      free[worker] = end
      lengths[worker] = (lengths[worker] ?? 0) + 1
      time.timer(end + delay - time.now, () => {
        lengths[worker] = (lengths[worker] ?? 0) - 1
        done()
      })
    },
  }
}

function ringmesh({ time, took }: Bed): Scheduler {
  const ids = Array.from({ length: workers }, (_, index) => `w${index}`)
  const network = fakeClusters(time, ['coordinator', ...ids], { delay, encode: false })
  const coordinator = new TaskService({ cluster: network.cluster('coordinator') })
  for (const [index, id] of ids.entries()) {
    const { runtime } = network.cluster(id)
    new TaskService({ cluster: network.cluster(id) }).define(
      'work',
      () => new Promise<void>((resolve) => runtime.timer(took(index), resolve)),
    )
  }
  return {
    submit: (done) => {
      void coordinator.run('work', null, { retries: 0 }).then(done)
    },
  }
}

/**
 * Tasks arrive at random (Poisson) where ten workers are to be had, one of them ten times slower.
 * Gives the sorted times from arrival to result, in service times of a healthy worker.
 */
export async function latenciesOf(policy: Policy, { tasks, load, runs }: SlowPeerPlan): Promise<number[]> {
  const time = new VirtualTime('slow peer')
  const random = seededRandom('slow peer')
  const scheduler: Scheduler = policies[policy]({
    time,
    random,
    took(worker) {
      const mean = worker === 0 ? service * slowness : service
      return runs === 'alike' ? mean : exponential(random) * mean
    },
  })
  await time.advanceAsync(100)
  const between = service / ((workers - 1 + 1 / slowness) * load)
  const latencies: number[] = []
  let at = 0
  for (let task = 0; task < tasks; task++) {
    at += exponential(random) * between
    time.timer(at, () => {
      const start = time.now
      scheduler.submit(() => latencies.push((time.now - start) / service))
    })
  }
  while (latencies.length < tasks) await time.advanceAsync(1_000)
  return latencies.sort((a, b) => a - b)
}

function exponential(random: () => number): number {
  return -Math.log(1 - random())
}
