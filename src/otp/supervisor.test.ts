import { expect, test } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import {
  type ChildSpec,
  type ExitError,
  GenServer,
  IGNORE,
  Supervisor,
  type SupervisorSpec,
} from './index.js'
import { Probe, World } from './testing/world.js'

/** Writes its starts and ends into a common log. */
class Child extends GenServer {
  #id = ''
  #log: string[] = []
  override init({ id, log, init, trap = true }: ChildArgs) {
    this.#id = id
    this.#log = log
    this.trapExit = trap
    const given = init?.()
    log.push(`+${id}`)
    return given
  }
  override handleCall(request: unknown) {
    if (typeof request === 'function') return request(this)
    return request
  }
  override terminate() {
    this.#log.push(`-${this.#id}`)
  }
}
interface ChildArgs {
  id: string
  log: string[]
  init?: () => unknown
  trap?: boolean
}

class Setting {
  readonly world = new World()
  readonly log: string[] = []

  child(id: string, more: Partial<ChildSpec> & { init?: () => unknown; trap?: boolean } = {}): ChildSpec {
    const { init, trap, ...spec } = more
    const args: ChildArgs = {
      id,
      log: this.log,
      ...(init ? { init } : {}),
      ...(trap === undefined ? {} : { trap }),
    }
    return { id, start: [Child, args], name: id, ...spec } as ChildSpec
  }

  tree(children: ChildSpec[], spec: Omit<SupervisorSpec, 'children'> = {}): Promise<Supervisor> {
    return this.world.until(Supervisor.start(this.world.system, { ...spec, children }))
  }

  /** Kills a child by its name, and lets its supervisor act. */
  async kill(name: string, reason: unknown = 'killed'): Promise<void> {
    this.world.system.exit(name, reason)
    await this.world.pass()
  }

  /** Has a child end itself with `reason`. */
  async end(name: string, reason: unknown): Promise<void> {
    this.world.system.call(name, (server: GenServer) => server.stop(reason)).catch(() => {})
    await this.world.pass()
  }

  states(tree: Supervisor): string[] {
    return tree.children().map(({ id, state }) => `${id} ${state}`)
  }
}

const fails = () => {
  throw new Error('init failed')
}
/** Works at first, and then as the others say. */
const once = (then: () => unknown) => {
  let starts = 0
  return () => (starts++ === 0 ? undefined : then())
}

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
  expect(await set.world.reasonOf(starting)).toMatchObject({
    type: 'shutdown',
    detail: { failedToStart: 'c', reason: { type: 'error', message: 'init failed' } },
  })
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

test('a supervisor whose child never starts again still stops when told', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { init: once(fails) })], { maxRestarts: 1e9, maxSeconds: 1 })
  set.world.system.exit('a', 'killed')
  const stopped = tree.stop()
  await set.world.until(stopped, 10)
  expect(set.world.system.size).toBe(0)
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

test('autoShutdown any_significant: the first significant end shuts the supervisor down', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a'), set.child('b', { restart: 'transient', significant: true })], {
    autoShutdown: 'any_significant',
  })
  const seen = set.world.ended(tree.ref)
  await set.end('b', 'normal')
  expect(seen.reason).toEqual({ type: 'shutdown' })
  expect(set.log.slice(-1)).toEqual(['-a'])
})

test('autoShutdown all_significant: only the last significant end does', async () => {
  const set = new Setting()
  const significant = { restart: 'temporary', significant: true } as const
  const tree = await set.tree([set.child('a', significant), set.child('b', significant), set.child('c')], {
    autoShutdown: 'all_significant',
  })
  const seen = set.world.ended(tree.ref)
  await set.end('a', 'normal')
  expect(seen.reason).toBeUndefined()
  await set.kill('b')
  expect(seen.reason).toEqual({ type: 'shutdown' })
})

test('autoShutdown does not follow from terminateChild, nor from a crash that is restarted', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a', { restart: 'transient', significant: true })], {
    autoShutdown: 'any_significant',
  })
  await set.kill('a')
  expect(set.states(tree)).toEqual(['a running'])
  await set.world.until(tree.terminateChild('a'))
  expect(set.states(tree)).toEqual(['a stopped'])
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

test('a child that unlinks itself is still stopped with its supervisor', async () => {
  const set = new Setting()
  const tree = await set.tree([set.child('a')])
  set.world.system.unlink('a', tree.ref)
  await set.world.until(tree.stop())
  expect(set.world.system.size).toBe(0)
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
