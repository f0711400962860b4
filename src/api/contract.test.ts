import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type SignalServer, startSignalServer } from '../../signaling/index.js'
import {
  call,
  cast,
  exit,
  GenServer,
  join,
  link,
  type Mesh,
  monitor,
  PartitionSupervisor,
  type ProcessRef,
  Registry,
  reply,
  Supervisor,
  send,
  start,
  stop,
  TaskSupervisor,
  unlink,
} from '../index.node.js'

class Echo extends GenServer {
  override handleCall(request: unknown) {
    return request
  }
}

/** What a caller in JavaScript may give by mistake. */
const wrong = 5 as never

let server: SignalServer
const meshes: Mesh[] = []

beforeAll(async () => {
  server = await startSignalServer({ port: 0 })
})

afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.leave()))
})

afterAll(() => server.close())

async function enter(): Promise<Mesh> {
  const mesh = await join({ signal: server.url, room: 'contract', relay: 'only' })
  meshes.push(mesh)
  return mesh
}

/** Whether it throws at once, and does not reject. */
function throws(act: () => unknown): boolean {
  try {
    Promise.resolve(act()).catch(() => {})
    return false
  } catch {
    return true
  }
}

/** What is thrown or rejected. */
async function failure(act: () => unknown): Promise<unknown> {
  try {
    await act()
    return undefined
  } catch (error) {
    return error
  }
}

describe('bad input is answered by an error that names the option and its value', () => {
  it.each<[string, (ref: ProcessRef) => unknown]>([
    ['target', () => call(wrong, 1)],
    ['target', () => call(undefined as never, 1)],
    ['target', () => call({} as never, 1)],
    ['call.timout', (ref) => call(ref, 1, { timout: 5 } as never)],
    ['call.timeout', (ref) => call(ref, 1, { timeout: -1 })],
    ['call', (ref) => call(ref, 1, 500 as never)],
    ['target', () => cast(wrong, 1)],
    ['target', () => send(null as never, 1)],
    ['target', () => exit(wrong, 'killed')],
    ['target', () => stop(wrong)],
    ['stop', (ref) => stop(ref, 'normal', 500 as never)],
    ['stop.tiemout', (ref) => stop(ref, 'normal', { tiemout: 1 } as never)],
    ['target', () => monitor(wrong, () => {})],
    ['monitor.down', (ref) => monitor(ref, wrong)],
    ['target', (ref) => link(ref, wrong)],
    ['target', (ref) => unlink(ref, wrong)],
    ['reply.from', () => reply(wrong, 1)],
    ['supervise', () => Supervisor.start(wrong)],
    ['supervise.children[0].id', () => Supervisor.start({ children: [{ start: [Echo] } as never] })],
    ['Registry', () => new Registry(undefined as never)],
    ['PartitionSupervisor', () => new PartitionSupervisor(undefined as never)],
    ['yield', () => new TaskSupervisor().async(() => 1).yield(20 as never)],
    ['await', () => new TaskSupervisor().async(() => 1).await(20 as never)],
    ['TaskSupervisor.most', () => new TaskSupervisor({ most: 1 } as never)],
  ])('%s of a process: %s', async (option, act) => {
    const ref = await start(Echo)
    expect(await failure(() => act(ref))).toMatchObject({ name: 'InvalidOption', option })
    expect(await call(ref, 'well')).toBe('well')
    await stop(ref)
  })

  it('of a token that a function gives', async () => {
    const error = await failure(() =>
      join({ signal: server.url, room: 'contract', token: async () => 5 as never }),
    )
    expect(error).toMatchObject({
      name: 'Unauthorized',
      cause: { name: 'InvalidOption', option: 'join.token' },
    })
  })

  it('of a mesh and its stores', async () => {
    const mesh = await enter()
    const store = mesh.store<number>('s', { writes: 1 })
    const acts: [string, () => unknown][] = [
      ['on.event', () => mesh.on('nothing' as 'up', () => {})],
      ...(['up', 'down', 'change', 'ring', 'message'] as const).map((event): [string, () => unknown] => [
        'on.listener',
        () => mesh.on(event, wrong),
      ]),
      ['put.timeout', () => store.put('k', 1, { timeout: -1 })],
      ['put.durble', () => store.put('k', 1, { durble: true } as never)],
      ['delete.fresh', () => store.delete('k', { fresh: true } as never)],
      ['get.frsh', () => store.get('k', { frsh: true } as never)],
      ['update.change', () => store.update('k', wrong)],
      ['update.durable', () => store.update('k', () => 1, { durable: 'yes' as never })],
      ['watch.changed', () => store.watch('k', wrong)],
      ['watch.prefix', () => store.watch({} as never, () => {})],
      ['entries.prefx', () => store.entries({ prefx: 'a' } as never).next()],
      ['entries', () => store.entries(wrong).next()],
    ]
    for (const [option, act] of acts)
      expect(await failure(act), option).toMatchObject({ name: 'InvalidOption', option })
    await store.put('k', 1, { timeout: 5_000 })
    expect(await store.get('k', { fresh: true })).toBe(1)
  })
})

describe('once the mesh was left', () => {
  it('every method answers at once, and none waits for peers that it cannot hear', async () => {
    const mesh = await enter()
    const other = await enter()
    for (const each of [mesh, other]) each.define('echo', Echo)
    const store = mesh.store<number>('s', { writes: 1 })
    const tree = await mesh.supervise({ children: [{ id: 'echo', start: [Echo] }] })
    await mesh.leave()
    await mesh.leave()
    const closed: [string, () => unknown][] = [
      ['send', () => mesh.send(other.id, 1)],
      ['broadcast', () => mesh.broadcast(1)],
      ['store', () => mesh.store('t')],
      ['put', () => store.put('k', 1)],
      ['get', () => store.get('k')],
      ['update', () => store.update('k', () => 1)],
      ['delete', () => store.delete('k')],
      ['watch', () => store.watch('k', () => {})],
      ['entries', () => store.entries().next()],
      ['define', () => mesh.define('more', Echo)],
      ['place', () => mesh.place('echo', 'k')],
      ['supervise', () => mesh.supervise({ children: [] })],
      ['tasks.define', () => mesh.tasks.define('t', () => 1)],
      ['tasks.run', () => mesh.tasks.run('t', 1)],
      ['tasks.map', () => mesh.tasks.map('t', [1]).next()],
      ['tasks.enqueue', () => mesh.tasks.enqueue('t', 1)],
      ['tasks.result', () => mesh.tasks.result('t#1')],
      ['tasks.deadLetters', () => mesh.tasks.deadLetters()],
    ]
    for (const [what, act] of closed) expect(await failure(act), what).toMatchObject({ name: 'Closed' })
    // The guide names those that throw; what gives a promise rejects.
    const throwing = closed.filter(([, act]) => throws(act)).map(([what]) => what)
    expect(throwing).toEqual(['send', 'broadcast', 'store', 'watch', 'define', 'tasks.define'])
    expect(await failure(() => tree.startChild({ id: 'b', start: [Echo] }))).toMatchObject({
      name: 'ExitError',
      reason: { type: 'noproc' },
    })
    await tree.stop()
    expect(tree.children()).toEqual([])
    expect(await mesh.tree()).toEqual([])
    expect(mesh.stats().processes).toBe(0)
  })

  it('processes belong to the mesh that the page is still in, and then to the page alone', async () => {
    const [first, second] = [await enter(), await enter()]
    expect((await start(Echo)).peer).toBe(second.id)
    await first.leave()
    expect((await start(Echo)).peer).toBe(second.id)
    await second.leave()
    const ref = await start(Echo, { name: 'alone' })
    expect(ref.peer).toBe('')
    expect(await call('alone', 'here')).toBe('here')
    await stop(ref)
  })
})
