import { expect, test } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { dynamicSupervisor, type ExitError, IGNORE, Supervisor, type SupervisorSpec } from './index.js'
import { fails, once, Setting } from './testing/tree.js'
import { Probe } from './testing/world.js'

test('children start in order and stop in reverse, one at a time', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b'), set.child('c')])
  expect(set.log).toEqual(['+a', '+b', '+c'])
  await set.world.until(tree.stop())
  expect(set.log).toEqual(['+a', '+b', '+c', '-c', '-b', '-a'])
  expect(set.world.system.size).toBe(0)
})

test('a child that fails to start stops those before it in reverse, and the start with its reason', async () => {
  const set = new Setting()
  const starting = Supervisor.start(set.world.system, {
    children: [set.child('a'), set.child('b'), set.child('c', { init: fails }), set.child('d')],
  })
  const explained = starting.catch(({ message }: Error) => message)
  expect(await set.world.reasonOf(starting)).toMatchObject({
    type: 'shutdown',
    detail: { failedToStart: 'c', reason: { type: 'error', message: 'init failed' } },
  })
  expect(await explained).toBe('a supervisor did not start: its child c did not start: Error: init failed')
  expect(set.log).toEqual(['+a', '+b', '-b', '-a'])
  expect(set.world.system.size).toBe(0)
})

test('children, count and nested supervisors can be seen', async () => {
  const set = new Setting()
  const tree = await set.tree([
    set.child('a'),
    { id: 'inner', supervisor: { strategy: 'rest_for_one', children: [set.child('b'), set.child('c')] } },
    set.child('d', { init: () => IGNORE }),
  ])
  expect(tree.children()).toMatchObject([
    { id: 'a', kind: 'worker', state: 'running', restarts: 0 },
    { id: 'inner', kind: 'supervisor', state: 'running', restarts: 0 },
    { id: 'd', kind: 'worker', state: 'stopped', restarts: 0, ref: undefined },
  ])
  expect(tree.count()).toEqual({ specs: 3, active: 2, supervisors: 1, workers: 2 })
  expect(set.world.system.alive('c')).toBe(true)
})

test('a supervisor of no children runs', async () => {
  const set = new Setting()
  const tree = await set.tree([])
  expect(tree.children()).toEqual([])
  expect(tree.count()).toEqual({ specs: 0, active: 0, supervisors: 0, workers: 0 })
})

test('one_for_one restarts the child alone', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b'), set.child('c')])
  await set.kill('b')
  expect(set.log).toEqual(['+a', '+b', '+c', '+b'])
  expect(tree.children().map(({ restarts }) => restarts)).toEqual([0, 1, 0])
})

test('one_for_all stops the others in reverse and starts all in order', async () => {
  const set = new Setting()
  await set.tree([set.child('a'), set.child('b'), set.child('c')], { strategy: 'one_for_all' })
  await set.kill('b')
  expect(set.log).toEqual(['+a', '+b', '+c', '-c', '-a', '+a', '+b', '+c'])
})

test('rest_for_one stops those started after it in reverse and starts from it on', async () => {
  const set = new Setting()
  await set.tree([set.child('a'), set.child('b'), set.child('c'), set.child('d')], {
    strategy: 'rest_for_one',
  })
  await set.kill('b')
  expect(set.log).toEqual(['+a', '+b', '+c', '+d', '-d', '-c', '+b', '+c', '+d'])
})

test.each(['one_for_all', 'rest_for_one'] as const)(
  '%s: another child that fails its restart is tried again, all over',
  async (strategy) => {
    const set = new Setting()
    let broken = 1
    const init = once(() => {
      if (broken-- > 0) fails()
    })
    const tree = await set.tree([set.child('a'), set.child('b', { init }), set.child('c')], { strategy })
    await set.kill('a')
    expect(set.states(tree)).toEqual(['a running', 'b running', 'c running'])
    const again = strategy === 'one_for_all' ? ['-a', '+a', '+b', '+c'] : ['+b', '+c']
    expect(set.log).toEqual(['+a', '+b', '+c', '-c', '-b', '+a', ...again])
  },
)

test('temporary siblings that a strategy stops are forgotten', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b', { restart: 'temporary' })], {
    strategy: 'one_for_all',
  })
  await set.kill('a')
  expect(set.states(tree)).toEqual(['a running'])
})

test('a supervisor whose child never starts again still stops when told', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { init: once(fails) })], { maxRestarts: 1e9, maxSeconds: 1 })
  set.world.system.exit('a', 'killed')
  const stopped = tree.stop()
  await set.world.until(stopped, 10)
  expect(set.world.system.size).toBe(0)
})

test('malformed specs are refused at start with the path of the field, before anything is started', async () => {
  const set = new Setting()
  const a = set.child('a')
  const refused: [unknown, string][] = [
    [
      { children: [a, set.child('b'), { ...set.child('c'), restart: 'sometimes' }] },
      'supervise.children[2].restart',
    ],
    [{ strategy: 'simple_one_for_one', children: [] }, 'supervise.strategy'],
    [{ maxRestarts: -1 }, 'supervise.maxRestarts'],
    [{ maxRestarts: 1.5 }, 'supervise.maxRestarts'],
    [{ maxSeconds: 0 }, 'supervise.maxSeconds'],
    [{ maxSeconds: Number.NaN }, 'supervise.maxSeconds'],
    [{ autoShutdown: 'always' }, 'supervise.autoShutdown'],
    [{ backoff: { first: 100, max: 10 } }, 'supervise.backoff'],
    [{ children: 'none' }, 'supervise.children'],
    [{ children: [null] }, 'supervise.children[0]'],
    [{ children: [{ start: [Probe] }] }, 'supervise.children[0].id'],
    [{ children: [{ id: 'x' }] }, 'supervise.children[0].start'],
    [{ children: [{ id: 'x', start: [Object] }] }, 'supervise.children[0].start'],
    [{ children: [{ id: 'x', start: [Probe], shutdown: -5 }] }, 'supervise.children[0].shutdown'],
    [{ children: [{ id: 'x', start: [Probe], shutdown: 'soon' }] }, 'supervise.children[0].shutdown'],
    [{ children: [{ id: 'x', start: [Probe], typo: 1 }] }, 'supervise.children[0].typo'],
    [{ children: [a, a] }, 'supervise.children[1].id'],
    [
      { children: [{ id: 'in', supervisor: { children: [{ id: 'x', start: [Probe], restart: 1 }] } }] },
      'supervise.children[0].supervisor.children[0].restart',
    ],
    [
      { children: [set.child('x', { significant: true, restart: 'transient' })] },
      'supervise.children[0].significant',
    ],
    [
      { autoShutdown: 'any_significant', children: [set.child('x', { significant: true })] },
      'supervise.children[0].significant',
    ],
    [undefined, 'supervise'],
  ]
  for (const [spec, path] of refused) {
    const error = await Supervisor.start(set.world.system, spec as SupervisorSpec).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error, path).toBeInstanceOf(InvalidOption)
    expect((error as InvalidOption).option).toBe(path)
  }
  expect(set.log).toEqual([])
  const tree = await set.tree([])
  await expect(tree.startChild({ id: 'x', start: [Probe], restart: 'no' } as never)).rejects.toThrow(
    'startChild.restart',
  )
})

test('a restarted child takes its name again', async () => {
  const set = new Setting()
  await set.tree([set.child('a')])
  const before = set.world.system.whereis('a')
  await set.kill('a')
  const after = set.world.system.whereis('a')
  expect(after).toBeDefined()
  expect(after).not.toEqual(before)
})

test('an exit from a process that is no child is of no concern', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')])
  const stranger = await set.world.start(Probe)
  set.world.system.link(tree.ref, stranger)
  await set.kill(stranger as never)
  expect(set.states(tree)).toEqual(['a running'])
})

test('stop is idempotent, and a stopped tree shows nothing', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')])
  await set.world.until(tree.stop())
  await set.world.until(tree.stop())
  expect(tree.children()).toEqual([])
  const asked = tree.startChild(set.child('b'))
  expect(await set.world.until(asked.catch((error: ExitError) => error.reason))).toEqual({ type: 'noproc' })
})

test('a supervisor’s name is registered, and taken ones are refused', async () => {
  const set = new Setting()
  const tree = await set.tree([], { name: 'top' })
  expect(set.world.system.whereis('top')).toEqual(tree.ref)
  expect(await set.world.reasonOf(Supervisor.start(set.world.system, { name: 'top' }))).toMatchObject({
    type: 'already_started',
  })
})

test('what is sent to a supervisor by mistake is dropped', async () => {
  const set = new Setting()
  const rooms = { id: 'rooms', start: dynamicSupervisor({ name: 'rooms' }) }
  const tree = await set.tree([set.child('a'), rooms])
  for (const message of [
    undefined,
    null,
    'hello',
    { type: 'exit' },
    { type: 'retry' },
    { type: 'retry', child: {} },
  ])
    for (const target of [tree.ref, 'rooms']) set.world.system.send(target, message)
  await set.world.pass()
  expect(tree.children()).toMatchObject([{ state: 'running' }, { state: 'running', restarts: 0 }])
})

test('count tells as active only those whose process lives, also before their end was seen to', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b')])
  set.world.system.exit('a', 'killed')
  expect(tree.count()).toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 })
  await set.world.pass()
  expect(tree.count().active).toBe(2)
})
