import { expect, test } from 'vitest'
import {
  type DynamicChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  dynamicSupervisor,
  IGNORE,
  type ProcessRef,
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

test('a child may be a supervisor with children of its own', async () => {
  const { world, supervisor } = await dynamic()
  const answer = supervisor.startChild({
    supervisor: { maxRestarts: 0, children: [{ id: 'a', start: [Probe], name: 'inner' }] },
    restart: 'temporary',
  })
  expect(await world.until(answer)).toHaveProperty('ref')
  expect(supervisor.count()).toEqual({ specs: 1, active: 1, supervisors: 1, workers: 0 })
  world.system.exit('inner', 'killed')
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('a start that finds its name taken answers already_started with the holder', async () => {
  const { world, supervisor, startChild } = await dynamic()
  const ref = await startChild({ name: 'room' })
  expect(await world.until(supervisor.startChild({ start: [Probe], name: 'room' }))).toEqual({
    error: 'already_started',
    ref,
  })
})

test('a child that lost its name to another peer’s process is not restarted, and takes nobody down', async () => {
  const { supervisor, startChild, end } = await dynamic({ maxRestarts: 0 })
  await startChild()
  const ref = await startChild()
  await end(ref, { type: 'shutdown', detail: { nameConflict: 'room', survivor: ref } })
  expect(supervisor.count().specs).toBe(1)
})

test('a child that ends while another starts is seen to afterwards', async () => {
  const { world, supervisor, startChild } = await dynamic()
  const first = await startChild()
  const init = () => new Promise<void>((resolve) => void world.time.timer(100, resolve))
  const second = supervisor.startChild({ start: [Probe, { init }] })
  await world.pass(50)
  world.system.exit(first, 'killed')
  await world.until(second, 60)
  await world.pass()
  expect(supervisor.children()).toMatchObject([
    { state: 'running', restarts: 1 },
    { state: 'running', restarts: 0 },
  ])
})
