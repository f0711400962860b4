import { Worker } from 'node:worker_threads'
import { type Mesh, type ProcessRef, worker } from '../index.node.js'
import { Jobs } from './jobs.js'
import { Reports } from './reports.js'

/** The build puts the thread's script beside this one; a name of its own keeps the bundler from resolving it. */
const computeScript = './demo-compute.js'

/** What the demo's edge worker does: the same tasks as a tab, by a thread of Node's. */
export default async function defineJobs(mesh: Mesh): Promise<void> {
  const tree = await mesh.supervise({
    strategy: 'one_for_one',
    children: [{ id: 'compute', start: worker(() => new Worker(new URL(computeScript, import.meta.url))) }],
  })
  new Jobs(mesh, async (): Promise<ProcessRef> => {
    const child = tree.children().find(({ id }) => id === 'compute')
    if (child?.ref === undefined) throw new Error('the compute thread is being restarted')
    return child.ref
  })
  new Reports(mesh)
}
