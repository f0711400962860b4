import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintToken, type SignalServer, startSignalServer } from '../../signaling/index.js'
import {
  call,
  DynamicSupervisor,
  dynamicSupervisor,
  GenServer,
  HashRing,
  join,
  type Mesh,
  PartitionSupervisor,
  type ProcessRef,
  partitionSupervisor,
  peerjs,
  Registry,
  RoundRobin,
  Supervisor,
  start,
  stop,
  TaskSupervisor,
  worker,
} from '../index.node.js'
import { Cluster } from '../playwright/cluster.js'
import { checkScenario, runSim, runStoreSim } from '../sim/index.js'

class Echo extends GenServer {
  override handleCall(request: unknown) {
    return request
  }
}

/** Options that no function has: what a caller in JavaScript gets wrong by a letter. */
const unknown = { nonsense: 1 } as never
const none = { line: () => {} }

interface Given {
  readonly mesh: Mesh
  readonly ref: ProcessRef
  readonly signal: string
}

let server: SignalServer
let given: Given

beforeAll(async () => {
  server = await startSignalServer({ port: 0 })
  const mesh = await join({ signal: server.url, room: 'options', relay: 'only' })
  given = { mesh, ref: await start(Echo), signal: server.url }
})

afterAll(async () => {
  await given.mesh.leave()
  await server.close()
})

/** Every public function that takes options: where its error says that the unknown one stands, and a call of it. */
const functions: [at: string, act: (given: Given) => unknown][] = [
  // Ring and turns.
  ['HashRing.nodes[0]', () => new HashRing([{ id: 'a', ...(unknown as object) }])],
  ['HashRing.add', () => new HashRing().add('a', unknown)],
  ['RoundRobin.nodes[0]', () => new RoundRobin([{ id: 'a', ...(unknown as object) }])],
  ['RoundRobin', () => new RoundRobin([], unknown)],
  ['RoundRobin.add', () => new RoundRobin().add('a', unknown)],
  ['RoundRobin.next', () => new RoundRobin(['a']).next(unknown)],

  // The mesh.
  ['join', ({ signal }) => join({ signal, room: 'r', ...(unknown as object) })],
  ['peerjs', () => peerjs(unknown)],
  ['define', ({ mesh }) => mesh.define('echo', Echo, unknown)],

  // State.
  ['store', ({ mesh }) => mesh.store('s', unknown)],
  ['put', ({ mesh }) => mesh.store('s').put('k', 1, unknown)],
  ['get', ({ mesh }) => mesh.store('s').get('k', unknown)],
  ['update', ({ mesh }) => mesh.store('s').update('k', () => 1, unknown)],
  ['delete', ({ mesh }) => mesh.store('s').delete('k', unknown)],
  ['watch', ({ mesh }) => mesh.store('s').watch({ prefix: '', ...(unknown as object) }, () => {})],
  ['entries', ({ mesh }) => mesh.store('s').entries(unknown).next()],

  // Tasks.
  ['define', ({ mesh }) => mesh.tasks.define('t', () => 1, unknown)],
  ['defineInWorker', ({ mesh }) => mesh.tasks.defineInWorker('t', () => {}, unknown)],
  ['run', ({ mesh }) => mesh.tasks.run('t', 1, unknown)],
  ['map', ({ mesh }) => mesh.tasks.map('t', [1], unknown)],
  ['enqueue', ({ mesh }) => mesh.tasks.enqueue('t', 1, unknown)],
  ['result', ({ mesh }) => mesh.tasks.result('t', unknown)],
  ['run', ({ mesh }) => mesh.tasks.retry('t', unknown)],

  // Processes.
  ['start', () => start(Echo, unknown)],
  ['call', ({ ref }) => call(ref, 1, unknown)],
  ['stop', ({ ref }) => stop(ref, 'normal', unknown)],
  ['worker', () => worker(() => {}, unknown)],
  ['supervise', ({ mesh }) => mesh.supervise(unknown)],
  ['supervise', () => Supervisor.start(unknown)],
  [
    'supervise.children[0]',
    () => Supervisor.start({ children: [{ id: 'a', start: [Echo], ...(unknown as object) }] }),
  ],
  [
    'supervise.children[0].supervisor',
    () => Supervisor.start({ children: [{ id: 'a', supervisor: unknown }] }),
  ],
  ['supervise.backoff', () => Supervisor.start({ backoff: { first: 1, max: 2, ...(unknown as object) } })],
  [
    'supervise.quarantine',
    () =>
      Supervisor.start({
        quarantine: { escalations: 1, maxSeconds: 1, release: 1, ...(unknown as object) },
      }),
  ],
  ['startChild', withTree((tree) => tree.startChild({ id: 'a', start: [Echo], ...(unknown as object) }))],
  ['stop', withTree((tree) => tree.stop('normal', unknown))],
  ['DynamicSupervisor', () => new DynamicSupervisor(unknown)],
  ['DynamicSupervisor', ({ ref }) => new DynamicSupervisor({ at: ref, ...(unknown as object) })],
  ['dynamicSupervisor', () => dynamicSupervisor(unknown)],
  [
    'startChild',
    () => new DynamicSupervisor().startChild({ start: [Echo, undefined], ...(unknown as object) }),
  ],
  ['PartitionSupervisor', () => new PartitionSupervisor({ start: [Echo], ...(unknown as object) })],
  ['PartitionSupervisor', ({ ref }) => new PartitionSupervisor({ at: ref, ...(unknown as object) })],
  ['partitionSupervisor', () => partitionSupervisor({ start: [Echo], ...(unknown as object) })],
  ['TaskSupervisor', () => new TaskSupervisor(unknown)],
  ['TaskSupervisor', ({ ref }) => new TaskSupervisor({ at: ref, ...(unknown as object) })],
  ['async', () => new TaskSupervisor().async(() => 1, unknown)],
  ['asyncNolink', () => new TaskSupervisor().asyncNolink(() => 1, unknown)],
  ['startChild', () => new TaskSupervisor().startChild(() => 1, unknown)],
  ['stream', () => new TaskSupervisor().stream([1], (n) => n, unknown)],
  ['await', () => new TaskSupervisor().async(() => 1).await(unknown)],
  ['yield', () => new TaskSupervisor().async(() => 1).yield(unknown)],
  ['Registry', () => new Registry({ keys: 'unique', ...(unknown as object) })],

  // The fixture, the servers and the simulator.
  ['ringmesh', () => Cluster.start({} as never, unknown)],
  ['edge', () => Cluster.prototype.edge(unknown)],
  ['settled', () => Cluster.prototype.settled(unknown)],
  ['signal', () => startSignalServer({ port: 0, ...(unknown as object) })],
  ['signal.limits', () => startSignalServer({ port: 0, limits: unknown })],
  ['token', () => mintToken({ room: 'r', key: 'k'.repeat(32), ...(unknown as object) })],
  ['sim', () => runSim(unknown, none)],
  ['sim', () => runStoreSim(unknown, none)],
  [
    'sim',
    () =>
      checkScenario({
        ...(unknown as object),
        ...{ world: 'membership', seed: 1, nodes: 1, minutes: 1, faults: [] },
      }),
  ],
]

function withTree(act: (tree: Supervisor) => unknown): () => Promise<unknown> {
  return async () => {
    const tree = await Supervisor.start({})
    try {
      return await act(tree)
    } finally {
      await tree.stop()
    }
  }
}

describe('an option that there is not is refused by its name', () => {
  it.each(functions)('%s.nonsense, by %s', async (at, act) => {
    const outcome = await Promise.resolve()
      .then(() => act(given))
      .then(
        () => 'accepted',
        (error: unknown) => error,
      )
    expect(outcome).toMatchObject({ name: 'InvalidOption', option: `${at}.nonsense` })
  })
})
