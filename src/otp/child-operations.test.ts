import { expect, test } from 'vitest'
import { type ChildSpec, DynamicSupervisor, dynamicSupervisor, IGNORE } from './index.js'
import { fails, once, Setting } from './testing/tree.js'
import { Probe } from './testing/world.js'

test('a child whose restarts fail is seen as restarting, and can be stopped', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { init: once(fails) })], {
    maxRestarts: 1_000,
    backoff: { first: 1_000, max: 1_000 },
  })
  await set.kill('a')
  expect(set.states(tree)).toEqual(['a restarting'])
  expect(tree.count()).toEqual({ specs: 1, active: 0, supervisors: 0, workers: 1 })
  expect(await set.world.until(tree.restartChild('a'))).toEqual({ error: 'restarting' })
  expect(await set.world.until(tree.deleteChild('a'))).toEqual({ error: 'restarting' })
  expect(await set.world.until(tree.startChild(set.child('a')))).toEqual({ error: 'restarting' })
  expect(await set.world.until(tree.terminateChild('a'))).toEqual({ ref: undefined })
  await set.world.pass(10_000)
  expect(set.states(tree)).toEqual(['a stopped'])
})

test('IGNORE: the spec of a permanent child stays with no process, that of a temporary one is forgotten', async () => {
  const set = new Setting()
  const ignore = () => IGNORE
  const tree = await set.tree([
    set.child('a', { init: ignore }),
    set.child('b', { init: ignore, restart: 'temporary' }),
  ])
  expect(set.states(tree)).toEqual(['a stopped'])
  const added = tree.startChild(set.child('c', { init: ignore, restart: 'temporary' }))
  expect(await set.world.until(added)).toEqual({ ref: undefined })
  expect(set.states(tree)).toEqual(['a stopped'])
})

test('startChild: new, already started, already present, failing', async () => {
  const set = new Setting()
  const tree = await set.tree([])
  const first = await set.world.until(tree.startChild(set.child('a')))
  expect(first).toMatchObject({ ref: set.world.system.whereis('a') })
  expect(await set.world.until(tree.startChild(set.child('a')))).toEqual({
    error: 'already_started',
    ref: set.world.system.whereis('a'),
  })
  await set.world.until(tree.terminateChild('a'))
  expect(await set.world.until(tree.startChild(set.child('a')))).toEqual({ error: 'already_present' })
  expect(await set.world.until(tree.startChild(set.child('b', { init: fails })))).toMatchObject({
    error: 'failed',
    reason: { type: 'error', message: 'init failed' },
  })
  expect(set.states(tree)).toEqual(['a stopped'])
})

test('terminateChild, restartChild and deleteChild answer as OTP does', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')])
  const ask = (op: 'terminateChild' | 'restartChild' | 'deleteChild', id = 'a') =>
    set.world.until(tree[op](id))
  for (const op of ['terminateChild', 'restartChild', 'deleteChild'] as const) {
    expect(await ask(op, 'nobody')).toEqual({ error: 'not_found' })
  }
  expect(await ask('restartChild')).toEqual({ error: 'running' })
  expect(await ask('deleteChild')).toEqual({ error: 'running' })
  expect(await ask('terminateChild')).toEqual({ ref: undefined })
  expect(set.states(tree)).toEqual(['a stopped'])
  expect(await ask('terminateChild')).toEqual({ ref: undefined })
  expect(await ask('restartChild')).toEqual({ ref: set.world.system.whereis('a') })
  await ask('terminateChild')
  expect(await ask('deleteChild')).toEqual({ ref: undefined })
  expect(tree.children()).toEqual([])
})

test('terminateChild forgets a temporary child', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { restart: 'temporary' })])
  await set.world.until(tree.terminateChild('a'))
  expect(tree.children()).toEqual([])
  expect(await set.world.until(tree.restartChild('a'))).toEqual({ error: 'not_found' })
})

test('restartChild of a stopped child that fails keeps it stopped', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { init: once(fails) })])
  await set.world.until(tree.terminateChild('a'))
  expect(await set.world.until(tree.restartChild('a'))).toMatchObject({ error: 'failed' })
  expect(set.states(tree)).toEqual(['a stopped'])
})

test('shutdown time-out: a child that takes longer is killed', async () => {
  class Slow extends Probe {
    override terminate() {
      return new Promise<void>((resolve) => void set.world.time.timer(300, resolve))
    }
  }
  const set = new Setting()
  const slow = (id: string, shutdown: number | 'brutal_kill'): ChildSpec => ({
    id,
    start: [Slow, { trap: true }],
    name: id,
    shutdown,
  })
  const tree = await set.tree([slow('short', 100), slow('long', 1_000), slow('brutal', 'brutal_kill')])
  const [short, long, brutal] = ['short', 'long', 'brutal'].map((name) => set.world.ended(name))
  const began = set.world.time.now
  await set.world.until(tree.stop(), 2_000)
  expect(brutal?.reason).toEqual({ type: 'killed' })
  expect(long?.reason).toEqual({ type: 'shutdown' })
  expect(short?.reason).toEqual({ type: 'killed' })
  expect(set.world.time.now - began).toBeLessThanOrEqual(2_000)
})

test('shutdown Infinity waits as long as it takes', async () => {
  class Slow extends Probe {
    override terminate() {
      return new Promise<void>((resolve) => void set.world.time.timer(60_000, resolve))
    }
  }
  const set = new Setting()
  const tree = await set.tree([
    { id: 'slow', start: [Slow, { trap: true }], shutdown: Number.POSITIVE_INFINITY, name: 'slow' },
  ])
  const seen = set.world.ended('slow')
  await set.world.until(tree.stop(), 60_001)
  expect(seen.reason).toEqual({ type: 'shutdown' })
})

test('a child that does not trap exits ends at once on shutdown, without terminate', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { trap: false })])
  await set.world.until(tree.stop())
  expect(set.log).toEqual(['+a'])
})

test('a child killed with its supervisor: killing a supervisor takes the tree below it down', async () => {
  const set = new Setting()
  const tree = await set.tree([
    set.child('a', { trap: false }),
    { id: 'inner', supervisor: { children: [set.child('b')] } },
  ])
  set.world.system.exit(tree.ref, 'killed')
  await set.world.pass()
  expect(set.world.system.size).toBe(0)
  expect(set.log).toContain('-b')
})

test('a child that unlinks itself is still stopped with its supervisor', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')])
  set.world.system.unlink('a', tree.ref)
  await set.world.until(tree.stop())
  expect(set.world.system.size).toBe(0)
})

test('a start that finds its name taken answers already_started with the holder, as OTP does', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')])
  const other = { ...set.child('b'), name: 'a' }
  expect(await set.world.until(tree.startChild(other))).toEqual({
    error: 'already_started',
    ref: set.world.system.whereis('a'),
  })
  expect(set.states(tree)).toEqual(['a running'])
})

test('a child that is started later stands last, and stops first', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')], { strategy: 'rest_for_one' })
  await set.world.until(tree.startChild(set.child('b')))
  await set.kill('a')
  expect(set.log).toEqual(['+a', '+b', '-b', '+a', '+b'])
  await set.world.until(tree.stop())
  expect(set.log.slice(-2)).toEqual(['-b', '-a'])
})

test('a supervisor of another kind has the time of all below it to stop', async () => {
  const set = new Setting()
  class Slow extends Probe {
    override terminate() {
      return new Promise<void>((resolve) => void set.world.time.timer(20_000, resolve))
    }
  }
  const tree = await set.tree([{ id: 'rooms', start: dynamicSupervisor({ name: 'rooms' }) }])
  const rooms = new DynamicSupervisor(set.world.system, { at: 'rooms' })
  const spec = { start: [Slow, { trap: true }], shutdown: 30_000, name: 'slow' } as const
  await set.world.until(rooms.startChild(spec))
  const seen = set.world.ended('slow')
  await set.world.until(tree.stop(), 20_001)
  expect(seen.reason).toEqual({ type: 'shutdown' })
})

test('brutal_kill of a supervisor takes what is below it down too', async () => {
  const set = new Setting()
  const tree = await set.tree([
    { id: 'inner', shutdown: 'brutal_kill', supervisor: { children: [set.child('a'), set.child('b')] } },
  ])
  const seen = set.world.ended('a')
  await set.world.until(tree.stop())
  await set.world.pass()
  expect(seen.reason).toEqual({ type: 'killed' })
  expect(set.world.system.size).toBe(0)
})
