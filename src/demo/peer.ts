import { Chaos, call, join, type Mesh, type ProcessRef, type Supervisor, worker } from '../index.js'
import type { Job } from './compute.js'
import { Jobs } from './jobs.js'
import { Reports } from './reports.js'

/** How a hang of the compute thread is seen, in milliseconds: its longest job takes a tenth of this patience. */
const heartbeat = { every: 1_000, patience: 5_000 }

/** A visitor may crash the thread as fast as they can click. */
const restarts = { maxRestarts: 10, maxSeconds: 5 }

/** Milliseconds between two looks for a compute thread that is being restarted, and how many times. */
const computeWait = { every: 50, times: 200 }

/** One page of the demo as a peer: its mesh, its compute thread under a supervisor, and its tasks. */
export interface DemoPeer {
  readonly mesh: Mesh
  readonly tree: Supervisor
  readonly jobs: Jobs
  readonly reports: Reports
  readonly chaos: Chaos
}

/** The demo's own server signals beside the page; `?signal=` names another, and `?room=` another room. */
export async function startPeer(parameters: URLSearchParams): Promise<DemoPeer> {
  const chaos = new Chaos()
  const beside = new URL('signal', location.href).href.replace(/^http/, 'ws').replace(/[?#].*$/, '')
  const mesh = await join({
    signal: parameters.get('signal') ?? beside,
    room: parameters.get('room') ?? 'demo',
    chaos,
  })
  const script = (): Worker => new Worker(new URL('./compute.worker.ts', import.meta.url), { type: 'module' })
  const tree = await mesh.supervise({
    strategy: 'one_for_one',
    ...restarts,
    children: [{ id: 'compute', start: worker(script, { heartbeat }) }],
  })
  const jobs = new Jobs(mesh, () => computeOf(tree))
  return { mesh, tree, jobs, chaos, reports: new Reports(mesh) }
}

/** The compute process; waits for one that is being restarted. */
export async function computeOf(tree: Supervisor): Promise<ProcessRef> {
  for (let look = 0; look < computeWait.times; look++) {
    const ref = tree.children().find(({ id }) => id === 'compute')?.ref
    if (ref !== undefined) return ref
    await new Promise((resolve) => setTimeout(resolve, computeWait.every))
  }
  throw new Error('the compute thread does not come back')
}

/** Has the compute thread of a peer throw, or never return; answers what its caller was told. */
export async function strikeCompute(
  { tree }: Pick<DemoPeer, 'tree'>,
  how: 'crash' | 'hang',
): Promise<string> {
  const job: Job = { type: how }
  try {
    await call(await computeOf(tree), job, { timeout: 60_000 })
    return 'it answered'
  } catch (error) {
    return (error as Error).message
  }
}
