import { expect, test } from 'vitest'
import {
  dynamicSupervisor,
  PartitionSupervisor,
  type ProcessRef,
  partitionSupervisor,
  Supervisor,
} from './index.js'
import { Probe, World } from './testing/world.js'

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

test('partitions: with one_for_all the end of one starts all again', async () => {
  const world = new World()
  const options = { start: [Probe], partitions: 2, strategy: 'one_for_all' } as const
  const parts = new PartitionSupervisor(world.system, options)
  await world.pass()
  const [before, other] = [parts.at(0) as ProcessRef, parts.at(1) as ProcessRef]
  world.system.exit(before, 'killed')
  await world.pass()
  expect(parts.count().active).toBe(2)
  expect(world.system.alive(other)).toBe(false)
})

test('bad partition options are refused by their path', () => {
  const world = new World()
  const make = (options: object) => () =>
    new PartitionSupervisor(world.system, { start: [Probe], ...options })
  expect(make({ partitions: 0 })).toThrow('PartitionSupervisor.partitions')
  expect(make({ partitions: 1.5 })).toThrow('PartitionSupervisor.partitions')
  expect(make({ strategy: 'all' })).toThrow('PartitionSupervisor.strategy')
  expect(make({ withArguments: 123 })).toThrow('PartitionSupervisor.withArguments')
  expect(make({ start: [Object] })).toThrow('PartitionSupervisor.start')
})

test('partitions: via finds the partition of a key for each message, also after its restart', async () => {
  const world = new World()
  const parts = new PartitionSupervisor(world.system, { start: [Probe], partitions: 2 })
  await world.pass()
  const ada = parts.via('ada')
  await world.call(ada, 'one')
  expect(ada.whereis()).toEqual(parts.at('ada'))
  world.system.exit(ada, 'killed')
  expect(await world.reasonOf(world.system.call(ada, 'x'))).toMatchObject({ type: expect.any(String) })
  await world.pass()
  expect(await world.call(ada, 'two')).toBe('two')
  await world.until(parts.stop())
  expect(await world.reasonOf(world.system.call(ada, 'three'))).toEqual({ type: 'noproc' })
})

test('partitions: too many restarts of one end all, and it exits shutdown', async () => {
  const world = new World()
  const parts = new PartitionSupervisor(world.system, { start: [Probe], partitions: 2, maxRestarts: 1 })
  await world.pass()
  const seen: string[] = []
  parts.onExit(({ type }) => seen.push(type))
  for (let round = 0; round < 2; round++) {
    world.system.exit(parts.via(0), 'killed')
    await world.pass()
  }
  expect(seen).toEqual(['shutdown'])
  expect(world.system.size).toBe(0)
})

test('what a partition is to run is named where it is missing or wrong', () => {
  const world = new World()
  for (const start of [{}, { start: undefined }, { start: Probe }, { start: [] }]) {
    const options = { partitions: 2, ...start } as never
    expect(() => new PartitionSupervisor(world.system, options)).toThrow('PartitionSupervisor.start: must be')
    expect(() => partitionSupervisor(options)).toThrow('partitionSupervisor.start: must be')
  }
})
