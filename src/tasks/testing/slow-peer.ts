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

/**
 * Tasks arrive at random (Poisson) at one coordinator with ten workers, one of them ten times
 * slower. Gives the sorted times from arrival to result, in service times of a healthy worker.
 */
export async function latenciesWithSlowPeer({ tasks, load, runs }: SlowPeerPlan): Promise<number[]> {
  const time = new VirtualTime('slow peer')
  const random = seededRandom('slow peer')
  const ids = Array.from({ length: workers }, (_, index) => `w${index}`)
  const network = fakeClusters(time, ['coordinator', ...ids], { delay, encode: false })
  const coordinator = new TaskService({ cluster: network.cluster('coordinator') })
  for (const [index, id] of ids.entries()) {
    const { runtime } = network.cluster(id)
    const mean = index === 0 ? service * slowness : service
    new TaskService({ cluster: network.cluster(id) }).define('work', () => {
      const took = runs === 'alike' ? mean : exponential(random) * mean
      return new Promise<void>((resolve) => runtime.timer(took, resolve))
    })
  }
  await time.advanceAsync(100)
  const between = service / ((workers - 1 + 1 / slowness) * load)
  const latencies: number[] = []
  let at = 0
  for (let task = 0; task < tasks; task++) {
    at += exponential(random) * between
    time.timer(at, () => {
      const start = time.now
      void coordinator
        .run('work', null, { retries: 0 })
        .then(() => latencies.push((time.now - start) / service))
    })
  }
  while (latencies.length < tasks) await time.advanceAsync(1_000)
  return latencies.sort((a, b) => a - b)
}

function exponential(random: () => number): number {
  return -Math.log(1 - random())
}
