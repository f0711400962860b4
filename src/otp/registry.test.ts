import { expect, test } from 'vitest'
import { type ExitError, type ProcessRef, Registry, Supervisor } from './index.js'
import { Probe, World } from './testing/world.js'

function unique() {
  const world = new World()
  return { world, registry: new Registry<string, unknown>(world.system, { keys: 'unique' }) }
}
function duplicate() {
  const world = new World()
  return { world, registry: new Registry<string, unknown>(world.system, { keys: 'duplicate' }) }
}

test('unique: register, lookup, keys and values', async () => {
  const { world, registry } = unique()
  const ref = await world.start(Probe)
  expect(registry.register(ref, 'hello', 'value')).toEqual({ ref })
  expect(registry.register(ref, 'world', 2)).toEqual({ ref })
  expect(registry.lookup('hello')).toEqual([{ ref, value: 'value' }])
  expect(registry.lookup('nothing')).toEqual([])
  expect(registry.keys(ref)).toEqual(['hello', 'world'])
  expect(registry.values(ref, 'world')).toEqual([2])
  expect(registry.count()).toBe(2)
  expect(registry.entries()).toEqual([
    { key: 'hello', ref, value: 'value' },
    { key: 'world', ref, value: 2 },
  ])
})

test('unique: a taken key is refused with its holder, also to the holder itself', async () => {
  const { world, registry } = unique()
  const [first, second] = [await world.start(Probe), await world.start(Probe)]
  registry.register(first, 'key')
  expect(registry.register(second, 'key')).toEqual({ error: 'already_registered', ref: first })
  expect(registry.register(first, 'key')).toEqual({ error: 'already_registered', ref: first })
})

test('duplicate: many processes under one key, and one process many times, in order', async () => {
  const { world, registry } = duplicate()
  const [first, second] = [await world.start(Probe), await world.start(Probe)]
  registry.register(first, 'news', 1)
  registry.register(second, 'news', 2)
  registry.register(first, 'news', 3)
  expect(registry.lookup('news').map(({ value }) => value)).toEqual([1, 2, 3])
  expect(registry.values(first, 'news')).toEqual([1, 3])
  expect(registry.keys(first)).toEqual(['news', 'news'])
  registry.unregister(first, 'news')
  expect(registry.lookup('news')).toEqual([{ ref: second, value: 2 }])
  expect(registry.keys(first)).toEqual([])
})

test('duplicate: unregister takes back those whose values match, and leaves the others', async () => {
  const { world, registry } = duplicate()
  const ref = await world.start(Probe)
  for (const value of [1, 2, 3]) registry.register(ref, 'news', value)
  registry.unregister(ref, 'news', (value) => (value as number) > 1)
  expect(registry.values(ref, 'news')).toEqual([1])
  expect(registry.keys(ref)).toEqual(['news'])
  registry.unregister(ref, 'news', (value) => value === 1)
  expect([registry.keys(ref), registry.count()]).toEqual([[], 0])
})

test.each([unique, duplicate])('what a process has registered goes with it, at once', async (make) => {
  const { world, registry } = make()
  const ref = await world.start(Probe)
  registry.register(ref, 'a')
  registry.register(ref, 'b')
  world.system.exit(ref, 'killed')
  expect([registry.lookup('a'), registry.keys(ref), registry.count()]).toEqual([[], [], 0])
  const next = await world.start(Probe)
  expect(registry.register(next, 'a')).toEqual({ ref: next })
  await world.pass()
  expect(registry.lookup('a')).toEqual([{ ref: next, value: undefined }])
})

test('dispatch calls with all under a key, and not where there are none', async () => {
  const { world, registry } = duplicate()
  const refs = [await world.start(Probe), await world.start(Probe)]
  for (const ref of refs) registry.register(ref, 'news')
  const seen: ProcessRef[] = []
  registry.dispatch('news', (entries) => seen.push(...entries.map(({ ref }) => ref)))
  registry.dispatch('silence', () => expect.unreachable())
  expect(seen).toEqual(refs)
})

test('updateValue gives the values before and after; not for others, nor with duplicate keys', async () => {
  const { world, registry } = unique()
  const [ref, other] = [await world.start(Probe), await world.start(Probe)]
  registry.register(ref, 'count', 1)
  expect(registry.updateValue(ref, 'count', (n) => (n as number) + 1)).toEqual({ before: 1, after: 2 })
  expect(registry.values(ref, 'count')).toEqual([2])
  expect(registry.updateValue(other, 'count', () => 9)).toBeUndefined()
  expect(() => duplicate().registry.updateValue(ref, 'count', () => 0)).toThrow('Registry.keys')
})

test('via: a process is started under a key, found for each message, and the key is free at its end', async () => {
  const { world, registry } = unique()
  const name = registry.via('lobby', 'its value')
  const ref = await world.start(Probe, { name })
  expect(registry.lookup('lobby')).toEqual([{ ref, value: 'its value' }])
  expect(await world.call(name, 'hello')).toBe('hello')
  const again = world.system.start(Probe, { name: registry.via('lobby') })
  expect(await world.reasonOf(again)).toEqual({ type: 'already_started', ref })
  await world.until(world.system.stop(name))
  expect(name.whereis()).toBeUndefined()
  expect(await world.reasonOf(world.system.call(name, 'hello'))).toEqual({ type: 'noproc' })
  expect(() => duplicate().registry.via('lobby')).toThrow('Registry.keys')
})

test('via: a supervised child takes its key again after a restart', async () => {
  const { world, registry } = unique()
  const name = registry.via('kept')
  await world.until(Supervisor.start(world.system, { children: [{ id: 'a', start: [Probe], name }] }))
  const before = name.whereis()
  world.system.exit(name, 'killed')
  await world.pass()
  expect(name.whereis()).toBeDefined()
  expect(name.whereis()).not.toEqual(before)
})

test('via: a process that calls itself by it exits with calling_self', async () => {
  const { world, registry } = unique()
  const name = registry.via('me')
  await world.start(Probe, { name })
  const failing = world.system.call(name, (probe: Probe) => probe.call(name, 'me'))
  expect(await world.reasonOf(failing)).toEqual({ type: 'calling_self' })
})

test('meta is kept with the registry', () => {
  const { registry } = unique()
  registry.meta.set('about', { any: 'thing' })
  expect(registry.meta.get('about')).toEqual({ any: 'thing' })
})

test('keys may be anything that a Map compares', async () => {
  const world = new World()
  const registry = new Registry<unknown>(world.system, { keys: 'unique' })
  const ref = await world.start(Probe)
  const key = { as: 'object' }
  for (const each of [1, '1', null, key]) registry.register(ref, each)
  expect(registry.keys(ref)).toEqual([1, '1', null, key])
})

test('bad input: options by their path, a process that does not live here, a name that is none', async () => {
  const { world, registry } = unique()
  expect(() => new Registry(world.system, { keys: 'many' as never })).toThrow('Registry.keys')
  expect(() => new Registry(world.system, {} as never)).toThrow('Registry.keys')
  const ref = await world.start(Probe)
  await world.until(world.system.stop(ref))
  let thrown: unknown
  try {
    registry.register(ref, 'key')
  } catch (error) {
    thrown = error
  }
  expect((thrown as ExitError).reason).toEqual({ type: 'noproc' })
  await expect(world.system.start(Probe, { name: {} as never })).rejects.toThrow('start.name')
})
