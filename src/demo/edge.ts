import { Worker } from 'node:worker_threads'
import { type Mesh, worker } from '../index.node.js'
import { computeOf, heartbeat, restarts, strikeCompute } from './compute-thread.js'
import { faults, freezeFor } from './fault.js'
import { Jobs } from './jobs.js'
import { type Deeds, obey } from './orders.js'
import { Reports } from './reports.js'

/** The build puts the thread's script beside this one; a name of its own keeps the bundler from resolving it. */
const computeScript = './demo-compute.js'

/** What the demo's edge worker does: the same tasks as a tab, by a thread of Node's. */
export default async function defineJobs(mesh: Mesh): Promise<void> {
  const script = (): Worker => new Worker(new URL(computeScript, import.meta.url))
  const tree = await mesh.supervise({
    strategy: 'one_for_one',
    ...restarts,
    children: [{ id: 'compute', start: worker(script, { heartbeat }) }],
  })
  new Jobs(mesh, () => computeOf(tree))
  const deeds: Deeds = {
    'crash-worker': () => void strikeCompute(tree, 'crash'),
    'hang-worker': () => void strikeCompute(tree, 'hang'),
    // The whole thread stands still, timers and sockets with it.
    freeze: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, freezeFor),
    kill: () => void process.kill(process.pid, 'SIGKILL'),
  }
  obey(mesh, deeds)
  new Reports(mesh).offer(faults.filter((fault) => fault in deeds))
}
