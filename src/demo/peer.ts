import { Chaos, join, type Mesh, type Supervisor, worker } from '../index.js'
import { computeOf, heartbeat, restarts } from './compute-thread.js'
import { Jobs } from './jobs.js'
import { Reports } from './reports.js'

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
