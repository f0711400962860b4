import { expect, test } from 'vitest'
import {
  type DynamicChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  dynamicSupervisor,
  IGNORE,
  PartitionSupervisor,
  type ProcessRef,
  partitionSupervisor,
  Supervisor,
} from './index.js'
import { Probe, World } from './testing/world.js'

const fails = () => {
  throw new Error('init failed')
}
const once = (then: () => unknown) => {
  let starts = 0
  return () => (starts++ === 0 ? undefined : then())
}

async function dynamic(options: DynamicSupervisorOptions = {}) {
  const world = new World()
  const supervisor = new DynamicSupervisor(world.system, options)
  const startChild = async (spec: Partial<DynamicChildSpec> = {}): Promise<ProcessRef> => {
    const answer = await world.until(supervisor.startChild({ start: [Probe], ...spec }))
    if (!('ref' in answer) || answer.ref === undefined) throw new Error(JSON.stringify(answer))
    return answer.ref
  }
  const end = async (ref: ProcessRef, reason: unknown): Promise<void> => {
    world.system.call(ref, (probe: Probe) => probe.stop(reason)).catch(() => {})
    await world.pass()
  }
  return { world, supervisor, startChild, end }
}

test('children are started on demand, seen, counted and stopped', async () => {
  const { world, supervisor, startChild } = await dynamic()
  const [a, b] = [await startChild(), await startChild()]
  expect(supervisor.children().map(({ ref, state, kind }) => [ref, state, kind])).toEqual([
    [a, 'running', 'worker'],
    [b, 'running', 'worker'],
  ])
  expect(supervisor.count()).toEqual({ specs: 2, active: 2, supervisors: 0, workers: 2 })
  expect(await world.until(supervisor.terminateChild(a))).toEqual({ ref: undefined })
  expect(await world.until(supervisor.terminateChild(a))).toEqual({ error: 'not_found' })
  expect(supervisor.count().specs).toBe(1)
  await world.until(supervisor.stop())
  expect(world.system.size).toBe(0)
})

test.each([
  ['temporary', 'shutdown', 0],
  ['temporary', 'whatever', 0],
  ['transient', 'normal', 0],
  ['transient', { type: 'shutdown', detail: 'signal' }, 0],
  ['transient', 'whatever', 1],
  ['permanent', 'normal', 1],
  ['permanent', 'shutdown', 1],
  ['permanent', 'whatever', 1],
] as const)('a %s child that ends with %s leaves %i', async (restart, reason, left) => {
  const { supervisor, startChild, end } = await dynamic()
  const ref = await startChild({ restart })
  await end(ref, reason)
  expect(supervisor.count()).toMatchObject({ specs: left, active: left })
})

test('maxChildren', async () => {
  const { world, supervisor, startChild } = await dynamic({ maxChildren: 1 })
  await startChild()
  expect(await world.until(supervisor.startChild({ start: [Probe] }))).toEqual({ error: 'max_children' })
})

test('restarting children count for maxChildren, and stay visible as restarting', async () => {
  const { world, supervisor, startChild } = await dynamic({ maxChildren: 1, maxRestarts: 1e6 })
  let broken = true
  const init = once(
    () =>
      new Promise<void>((resolve, reject) => {
        world.time.timer(10, () => (broken ? reject(new Error('not yet')) : resolve()))
      }),
  )
  const ref = await startChild({ start: [Probe, { init }] })
  world.system.exit(ref, 'killed')
  await world.pass(25)
  expect(supervisor.children()).toMatchObject([{ state: 'restarting', ref: undefined }])
  const refused = supervisor.startChild({ start: [Probe] })
  expect(await world.until(refused, 100)).toEqual({ error: 'max_children' })
  broken = false
  await world.pass(100)
  expect(supervisor.children()).toMatchObject([{ state: 'running', restarts: 1 }])
})

test('a child that ignores or fails its start is not kept', async () => {
  const { world, supervisor } = await dynamic()
  expect(await world.until(supervisor.startChild({ start: [Probe, { init: () => IGNORE }] }))).toEqual({
    ref: undefined,
  })
  expect(await world.until(supervisor.startChild({ start: [Probe, { init: fails }] }))).toMatchObject({
    error: 'failed',
    reason: { message: 'init failed' },
  })
  expect(supervisor.count().specs).toBe(0)
})

test('a child that ignores its restart is forgotten', async () => {
  const { world, supervisor, startChild } = await dynamic()
  const ref = await startChild({ start: [Probe, { init: once(() => IGNORE) }] })
  world.system.exit(ref, 'killed')
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('too many restarts: all children stop and it exits shutdown', async () => {
  const { world, supervisor, startChild } = await dynamic({ maxRestarts: 1 })
  await startChild()
  const ref = await startChild()
  const seen = world.ended(supervisor.ref as ProcessRef)
  world.system.exit(ref, 'killed')
  await world.pass()
  world.system.exit(supervisor.children()[1]?.ref as ProcessRef, 'killed')
  await world.pass()
  expect(seen.reason).toMatchObject({ type: 'shutdown' })
  expect(world.system.size).toBe(0)
})

test('children are stopped in parallel', async () => {
  const { world, supervisor, startChild } = await dynamic()
  class Slow extends Probe {
    override terminate() {
      return new Promise<void>((resolve) => void world.time.timer(1_000, resolve))
    }
  }
  for (let child = 0; child < 10; child++) await startChild({ start: [Slow, { trap: true }] })
  await world.until(supervisor.stop(), 1_001)
  expect(world.system.size).toBe(0)
})

test('brutal_kill and shutdown time-outs hold for each child', async () => {
  const { world, supervisor, startChild } = await dynamic()
  class Stuck extends Probe {
    override terminate() {
      return new Promise<void>(() => {})
    }
  }
  const timed = world.ended(await startChild({ start: [Stuck, { trap: true }], shutdown: 100 }))
  const brutal = world.ended(await startChild({ start: [Stuck, { trap: true }], shutdown: 'brutal_kill' }))
  await world.until(supervisor.stop(), 101)
  expect([timed.reason, brutal.reason]).toEqual([{ type: 'killed' }, { type: 'killed' }])
})

test('it can be supervised, and found by its name', async () => {
  const world = new World()
  const tree = await world.until(
    Supervisor.start(world.system, {
      children: [{ id: 'rooms', start: dynamicSupervisor({ name: 'rooms' }) }],
    }),
  )
  expect(tree.children()).toMatchObject([{ id: 'rooms', kind: 'supervisor', state: 'running' }])
  const rooms = new DynamicSupervisor(world.system, { at: 'rooms' })
  await world.until(rooms.startChild({ start: [Probe], name: 'lobby' }))
  expect(rooms.count().active).toBe(1)
  world.system.exit('rooms', 'killed')
  await world.pass()
  expect(rooms.count().active).toBe(0)
  await world.until(rooms.startChild({ start: [Probe], name: 'lobby' }))
  await world.until(tree.stop())
  expect(world.system.size).toBe(0)
})

test('bad options and specs are refused by their path', async () => {
  const { world, supervisor } = await dynamic()
  const make = (options: unknown) => () =>
    new DynamicSupervisor(world.system, options as DynamicSupervisorOptions)
  expect(make({ maxChildren: -1 })).toThrow('DynamicSupervisor.maxChildren')
  expect(make({ maxChildren: 1.5 })).toThrow('DynamicSupervisor.maxChildren')
  expect(make({ maxRestarts: -1 })).toThrow('DynamicSupervisor.maxRestarts')
  expect(make({ maxSeconds: 0 })).toThrow('DynamicSupervisor.maxSeconds')
  expect(make({ strategy: 'one_for_all' })).toThrow('DynamicSupervisor.strategy')
  await expect(supervisor.startChild({} as never)).rejects.toThrow('startChild.start')
  await expect(supervisor.startChild({ start: [Probe], shutdown: -1 })).rejects.toThrow('startChild.shutdown')
  await expect(supervisor.startChild({ start: [Probe], significant: true } as never)).rejects.toThrow(
    'startChild.significant',
  )
})

test('partitions: numbers modulo, other keys by hash, evenly', async () => {
  const world = new World()
  const parts = new PartitionSupervisor(world.system, {
    start: [Probe],
    partitions: 3,
    withArguments: (_, partition) => ({ init: (probe: Probe) => void probe.log.push(partition) }),
  })
  await world.pass()
  expect(parts.partitions).toBe(3)
  const number = async (key: string | number) =>
    ((await world.call(parts.at(key) as ProcessRef, 'log')) as unknown[])[1]
  expect([await number(0), await number(1), await number(2), await number(3), await number(-1)]).toEqual([
    0, 1, 2, 0, 1,
  ])
  const counts = [0, 0, 0]
  for (let key = 0; key < 300; key++) {
    const index = parts.children().findIndex(({ ref }) => ref === parts.at(`key ${key}`))
    counts[index] = (counts[index] ?? 0) + 1
  }
  for (const count of counts) expect(count).toBeGreaterThan(60)
  expect(parts.at('same')).toEqual(parts.at('same'))
})

test('partitions: as many as the machine has threads, counted, restarted, stopped with their name free', async () => {
  const world = new World()
  const parts = new PartitionSupervisor(world.system, { start: dynamicSupervisor(), name: 'parts' })
  await world.pass()
  expect(parts.count()).toEqual({ specs: 4, active: 4, supervisors: 4, workers: 0 })
  world.system.exit(parts.at(0) as ProcessRef, 'killed')
  await world.pass()
  expect(parts.count().active).toBe(4)
  const stopping = parts.stop().then(() => world.system.whereis('parts'))
  expect(await world.until(stopping)).toBeUndefined()
  expect(parts.at('x')).toBeUndefined()
})

test('partitions can be supervised', async () => {
  const world = new World()
  const start = partitionSupervisor({ start: [Probe], partitions: 2, name: 'parts' })
  await world.until(Supervisor.start(world.system, { children: [{ id: 'parts', start }] }))
  expect(new PartitionSupervisor(world.system, { at: 'parts' }).partitions).toBe(2)
})

test('bad partition options are refused by their path', () => {
  const world = new World()
  const make = (options: object) => () =>
    new PartitionSupervisor(world.system, { start: [Probe], ...options })
  expect(make({ partitions: 0 })).toThrow('PartitionSupervisor.partitions')
  expect(make({ partitions: 1.5 })).toThrow('PartitionSupervisor.partitions')
  expect(make({ withArguments: 123 })).toThrow('PartitionSupervisor.withArguments')
  expect(make({ start: [Object] })).toThrow('PartitionSupervisor.children[0].start')
})
