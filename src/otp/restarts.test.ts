import { expect, test } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import { Supervisor } from './index.js'
import { fails, once, Setting } from './testing/tree.js'

const again = { permanent: true, transient: false, temporary: false }

test.each([
  ['normal', { ...again }],
  ['shutdown', { ...again }],
  [{ type: 'shutdown', detail: 'why' }, { ...again }],
  ['killed', { ...again, transient: true }],
  [new Error('crash'), { ...again, transient: true }],
  ['any other value', { ...again, transient: true }],
] as const)('restart types against the reason %s', async (reason, expected) => {
  for (const restart of ['permanent', 'transient', 'temporary'] as const) {
    const set = new Setting()
    const tree = await set.tree([set.child('a', { restart })])
    await set.end('a', reason)
    const state = expected[restart] ? ['a running'] : restart === 'temporary' ? [] : ['a stopped']
    expect(set.states(tree)).toEqual(state)
  }
})

test('more restarts than maxRestarts within maxSeconds: all children stop, and it exits shutdown', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b')], { maxRestarts: 2, maxSeconds: 5 })
  const seen = set.world.ended(tree.ref)
  await set.kill('b')
  await set.kill('b')
  expect(seen.reason).toBeUndefined()
  await set.kill('b')
  expect(seen.reason).toMatchObject({ type: 'shutdown' })
  expect(set.log.slice(-1)).toEqual(['-a'])
  expect(set.world.system.size).toBe(0)
})

test('the restarts of all children count together', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b'), set.child('c')], { maxRestarts: 2 })
  await set.kill('a')
  await set.kill('b')
  await set.kill('c')
  expect(tree.children()).toEqual([])
})

test('planted bug, restarts counted per child: the tree lives on where it should have given up', async () => {
  const pull = plantBug('restart-counted-per-child')
  try {
    const set = new Setting()
    const tree = await set.tree([set.child('a'), set.child('b'), set.child('c')], { maxRestarts: 2 })
    for (const name of ['a', 'b', 'c']) await set.kill(name)
    expect(tree.children()).toHaveLength(3)
  } finally {
    pull()
  }
})

test('the window slides: restarts further apart than maxSeconds never add up', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')], { maxRestarts: 1, maxSeconds: 5 })
  for (let round = 0; round < 10; round++) {
    await set.kill('a')
    await set.world.pass(5_001)
  }
  expect(tree.children()).toMatchObject([{ state: 'running', restarts: 10 }])
  await set.kill('a')
  await set.world.pass(4_999)
  await set.kill('a')
  expect(tree.children()).toEqual([])
})

test('maxRestarts 0: the first end is one too many', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')], { maxRestarts: 0 })
  await set.kill('a')
  expect(tree.children()).toEqual([])
})

test('escalation: a supervisor that gives up is restarted by the one above it', async () => {
  const set = new Setting()
  const tree = await set.tree([
    { id: 'inner', supervisor: { maxRestarts: 1, children: [set.child('a'), set.child('b')] } },
  ])
  await set.kill('a')
  await set.kill('a')
  expect(set.log).toEqual(['+a', '+b', '+a', '-b', '+a', '+b'])
  expect(tree.children()).toMatchObject([{ id: 'inner', state: 'running', restarts: 1 }])
})

test('escalation up to the top: every level gives up in turn', async () => {
  const set = new Setting()
  const tree = await set.tree([{ id: 'inner', supervisor: { maxRestarts: 0, children: [set.child('a')] } }], {
    maxRestarts: 1,
  })
  await set.kill('a')
  expect(tree.children()).toMatchObject([{ state: 'running', restarts: 1 }])
  await set.kill('a')
  expect(tree.children()).toEqual([])
  expect(set.world.system.size).toBe(0)
})

test('a transient nested supervisor that gives up is not restarted: shutdown is a proper end', async () => {
  const set = new Setting()
  const tree = await set.tree([
    { id: 'inner', restart: 'transient', supervisor: { maxRestarts: 0, children: [set.child('a')] } },
  ])
  await set.kill('a')
  expect(set.states(tree)).toEqual(['inner stopped'])
})

test('a restart that fails counts, is tried again and ends in giving up', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { init: once(fails) })], { maxRestarts: 3 })
  const seen = set.world.ended(tree.ref)
  await set.kill('a')
  await set.world.pass()
  expect(seen.reason).toMatchObject({ type: 'shutdown' })
})

test('backoff: a restart waits a random time below the bound, which doubles and is capped', async () => {
  const set = new Setting()
  const starts: number[] = []
  const init = () => {
    starts.push(set.world.time.now)
    if (starts.length > 1) fails()
  }
  await set.tree([set.child('a', { init })], { maxRestarts: 1e6, backoff: { first: 100, max: 1_600 } })
  await set.kill('a')
  await set.world.pass(60_000)
  const waits = starts.slice(1).map((at, index) => at - (starts[index] ?? 0))
  for (const [attempt, wait] of waits.entries())
    expect(wait).toBeLessThanOrEqual(Math.min(1_600, 100 * 2 ** attempt))
  expect(Math.max(...waits)).toBeGreaterThan(800)
  expect(new Set(waits).size).toBeGreaterThan(10)
})

test.each([
  ['one_for_all', 'a', ['a stopped', 'b running', 'c running']],
  ['one_for_all', 'b', ['a running', 'b stopped', 'c running']],
  ['rest_for_one', 'a', ['a stopped', 'b running', 'c running']],
] as const)(
  'backoff: under %s a child that is stopped as all wait stays so: %s',
  async (strategy, stopped, states) => {
    const set = new Setting()
    const tree = await set.tree([set.child('a'), set.child('b'), set.child('c')], {
      strategy,
      backoff: { first: 1_000, max: 1_000 },
    })
    await set.kill('a')
    expect(set.states(tree)).toEqual(['a restarting', 'b restarting', 'c restarting'])
    await set.world.until(tree.terminateChild(stopped))
    await set.world.pass(1_000)
    expect(set.states(tree)).toEqual(states)
  },
)

test('backoff begins again after a child has run for as long as the longest wait', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')], { maxRestarts: 1e6, backoff: { first: 10, max: 640 } })
  for (let round = 0; round < 8; round++) {
    await set.kill('a')
    await set.world.pass(640)
    expect(set.states(tree)).toEqual(['a running'])
  }
  await set.world.pass(2_000)
  await set.kill('a')
  await set.world.pass(10)
  expect(set.states(tree)).toEqual(['a running'])
})

test('quarantine: a nested supervisor that gives up too often rests, and its siblings go on', async () => {
  const set = new Setting()
  const tree = await set.tree(
    [{ id: 'inner', supervisor: { maxRestarts: 0, children: [set.child('a')] } }, set.child('b')],
    { maxRestarts: 3, quarantine: { escalations: 3, maxSeconds: 60, release: 30_000 } },
  )
  for (let round = 0; round < 3; round++) await set.kill('a')
  expect(tree.children()).toMatchObject([
    { id: 'inner', state: 'restarting', quarantined: true },
    { state: 'running' },
  ])
  expect(set.world.system.alive('a')).toBe(false)
  await set.world.pass(30_000)
  expect(set.states(tree)).toEqual(['inner running', 'b running'])
  expect(set.world.system.alive('a')).toBe(true)
})

test('without quarantine the same escalations end the tree', async () => {
  const set = new Setting()
  const tree = await set.tree(
    [{ id: 'inner', supervisor: { maxRestarts: 0, children: [set.child('a')] } }, set.child('b')],
    { maxRestarts: 2 },
  )
  for (let round = 0; round < 3; round++) await set.kill('a')
  expect(tree.children()).toEqual([])
})

test('children that end at the same time count each under one_for_one, and once where all are restarted', async () => {
  const single = new Setting()
  const alone = await single.tree([single.child('a'), single.child('b')], { maxRestarts: 1 })
  for (const name of ['a', 'b']) single.world.system.exit(name, 'killed')
  await single.world.pass()
  expect(alone.children()).toEqual([])

  const all = new Setting()
  const together = await all.tree([all.child('a'), all.child('b')], {
    maxRestarts: 1,
    strategy: 'one_for_all',
  })
  for (const name of ['a', 'b']) all.world.system.exit(name, 'killed')
  await all.world.pass()
  expect(all.states(together)).toEqual(['a running', 'b running'])
})

test('a child that ends while later ones still start is started again afterwards', async () => {
  const set = new Setting()
  const slow = once(() => undefined)
  const starting = Supervisor.start(set.world.system, {
    children: [
      set.child('a'),
      set.child('b', {
        init: () => {
          slow()
          return new Promise<void>((resolve) => void set.world.time.timer(100, resolve))
        },
      }),
    ],
  })
  await set.world.pass(50)
  set.world.system.exit('a', 'killed')
  const tree = await set.world.until(starting, 60)
  await set.world.pass()
  expect(tree.children()).toMatchObject([
    { id: 'a', state: 'running', restarts: 1 },
    { id: 'b', state: 'running', restarts: 0 },
  ])
})

test('exits normal and shutdown of a permanent child count for the intensity too', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')], { maxRestarts: 2 })
  for (const reason of ['normal', 'shutdown', { type: 'shutdown', detail: 1 }]) await set.end('a', reason)
  expect(tree.children()).toEqual([])
})

test('what a supervisor does not restart does not count', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { restart: 'transient' }), set.child('b')], { maxRestarts: 1 })
  for (let round = 0; round < 5; round++) {
    await set.end('a', 'normal')
    await set.world.until(tree.restartChild('a'))
  }
  await set.kill('b')
  expect(set.states(tree)).toEqual(['a running', 'b running'])
})

test('rest_for_one: a restart that waits to be tried again is over when that of an earlier child stops it', async () => {
  const set = new Setting()
  const child = (id: string, starts: string[]) =>
    set.child(id, { init: () => (starts.shift() === 'fail' ? fails() : undefined) })
  const children = [child('a', []), child('b', ['ok', 'ok', 'fail']), child('c', ['ok', 'fail'])]
  const tree = await set.tree(children, { strategy: 'rest_for_one', maxRestarts: 3 })
  // The end of b leaves c waiting; that of a, seen to next, leaves b waiting, and c goes with b: three restarts.
  for (const name of ['b', 'a', 'c']) set.world.system.exit(name, 'killed')
  await set.world.pass()
  expect(set.states(tree)).toEqual(['a running', 'b running', 'c running'])
})

test('rest_for_one: a failing restart of a later child is tried again from that child on', async () => {
  const set = new Setting()
  let broken = 2
  const init = once(() => {
    if (broken-- > 0) fails()
  })
  const tree = await set.tree([set.child('a'), set.child('b', { init }), set.child('c')], {
    strategy: 'rest_for_one',
  })
  await set.kill('a')
  expect(set.states(tree)).toEqual(['a running', 'b running', 'c running'])
  expect(set.log.filter((entry) => entry === '+a')).toHaveLength(2)
})
