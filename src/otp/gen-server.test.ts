import { expect, test } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { ExitError, GenServer, IGNORE, NO_REPLY, type ProcessRef } from './index.js'
import { Probe, World } from './testing/world.js'

class Stack extends GenServer {
  #items: unknown[] = []
  override init(items: readonly unknown[]) {
    this.#items = [...items]
  }
  override handleCall(request: 'pop') {
    if (request !== 'pop') return super.handleCall(request, undefined as never)
    return this.#items.shift()
  }
  override handleCast(message: { push: unknown }) {
    this.#items.unshift(message.push)
  }
}

/** A timer as user code would set one, on the world's time. */
const after = (world: World, milliseconds: number) =>
  new Promise<void>((resolve) => void world.time.timer(milliseconds, resolve))

test('start, call and cast', async () => {
  const world = new World()
  const ref = await world.start(Stack, { args: ['hello'] })
  expect(await world.call(ref, 'pop')).toBe('hello')
  world.system.cast(ref, { push: 'world' })
  expect(await world.call(ref, 'pop')).toBe('world')
})

test('messages of one sender are handled in the order they were sent, whatever their kind', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  world.system.cast(ref, 1)
  world.system.send(ref, 2)
  void world.system.call(ref, 3)
  world.system.cast(ref, 4)
  expect(await world.call(ref, 'log')).toEqual(['init', ['cast', 1], ['info', 2], ['call', 3], ['cast', 4]])
})

test('one message at a time: the next waits for an asynchronous handler', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  world.system.cast(ref, async (probe: Probe) => {
    probe.log.push('slow begins')
    await after(world, 100)
    probe.log.push('slow ends')
  })
  world.system.cast(ref, 'next')
  await world.pass(50)
  const log = world.system.call(ref, 'log')
  expect(await world.until(log, 100)).toEqual(['init', 'slow begins', 'slow ends', ['cast', 'next']])
})

test('a handler never runs inside the call that sent the message', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.cast(ref, 'later')
  expect(log).toEqual(['init'])
  await world.pass()
  expect(log).toEqual(['init', ['cast', 'later']])
})

test('a call times out after 5,000 ms, the process lives on and its late reply is dropped', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const kept = world.system.call(ref, 'keep')
  expect(await world.reasonOf(kept, 5_000)).toEqual({ type: 'timeout', after: 5_000 })
  expect(await world.call(ref, 'release')).toBe(1)
  expect(await world.call(ref, 'still here')).toBe('still here')
})

test('call time-outs of different lengths end each at its own time, and Infinity never', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const ended: string[] = []
  for (const timeout of [300, 100, 200, Number.POSITIVE_INFINITY]) {
    world.system.call(ref, 'keep', { timeout }).catch(() => ended.push(`${timeout} at ${world.time.now}`))
  }
  await world.pass(100_000)
  expect(ended).toEqual(['100 at 100', '200 at 200', '300 at 300'])
})

test('a negative or absurd call time-out is refused', async () => {
  const world = new World()
  await expect(world.system.call('nobody', 1, { timeout: -1 })).rejects.toThrow(InvalidOption)
  await expect(world.system.call('nobody', 1, { timeout: Number.NaN })).rejects.toThrow('call.timeout')
})

test('reply later, from another handler', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const waiting = world.system.call(ref, 'keep')
  expect(await world.call(ref, 'release')).toBe(1)
  expect(await world.until(waiting)).toBe('released')
})

test('reply later, from another process', async () => {
  const world = new World()
  const server = await world.start(Probe)
  const helper = await world.start(Probe)
  const answer = world.system.call(server, (probe: Probe, from: { reply(value: unknown): void }) => {
    probe.cast(helper, () => from.reply('from the helper'))
    return NO_REPLY
  })
  expect(await world.until(answer)).toBe('from the helper')
})

test('only the first reply counts', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const answer = world.system.call(ref, (_: Probe, from: { reply(value: unknown): void }) => {
    from.reply('first')
    return 'second'
  })
  expect(await world.until(answer)).toBe('first')
})

test('reply takes a copy of from', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const answer = world.system.call(ref, (_: Probe, from: { peer: string; call: number }) => {
    world.system.reply(structuredClone({ peer: from.peer, call: from.call }), 'by copy')
    return NO_REPLY
  })
  expect(await world.until(answer)).toBe('by copy')
})

test('continue runs before any message that waits, also from init', async () => {
  const world = new World()
  const log: unknown[] = []
  const starting = world.system.start(Probe, { args: { log, init: (probe) => probe.continue('begin') } })
  const ref = await world.until(starting)
  world.system.cast(ref, (probe: Probe) => probe.continue('more'))
  world.system.cast(ref, 'queued')
  await world.pass()
  expect(log).toEqual(['init', ['continue', 'begin'], ['continue', 'more'], ['cast', 'queued']])
})

test('the handler time-out fires when nothing comes', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.cast(ref, (probe: Probe) => probe.timeout(100))
  await world.pass(99)
  expect(log).toEqual(['init'])
  await world.pass(1)
  expect(log).toEqual(['init', ['info', { type: 'timeout' }]])
})

test('any message cancels the handler time-out', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.cast(ref, (probe: Probe) => probe.timeout(100))
  await world.pass(50)
  world.system.send(ref, 'anything')
  await world.pass(10_000)
  expect(log).toEqual(['init', ['info', 'anything']])
})

test('a handler time-out of 0 gives way to a message that waits', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.cast(ref, (probe: Probe) => probe.timeout(0))
  world.system.cast(ref, 'waits')
  await world.pass(1)
  expect(log).toEqual(['init', ['cast', 'waits']])
})

test('init that throws fails the start with its reason, and terminate does not run', async () => {
  const world = new World()
  const log: unknown[] = []
  const init = () => {
    throw new TypeError('no good')
  }
  const starting = world.system.start(Probe, { args: { log, init }, name: 'unlucky' })
  expect(await world.reasonOf(starting)).toMatchObject({
    type: 'error',
    name: 'TypeError',
    message: 'no good',
  })
  expect(log).toEqual(['init'])
  expect(world.system.whereis('unlucky')).toBeUndefined()
  expect(world.system.size).toBe(0)
})

test('init that exits fails the start with exactly that reason', async () => {
  const world = new World()
  const init = () => {
    throw new ExitError({ type: 'shutdown', detail: 'not today' })
  }
  const starting = world.system.start(Probe, { args: { init } })
  expect(await world.reasonOf(starting)).toEqual({ type: 'shutdown', detail: 'not today' })
})

test('init may be asynchronous, and messages wait for it', async () => {
  const world = new World()
  const log: unknown[] = []
  const init = async () => {
    await after(world, 100)
    log.push('ready')
  }
  const starting = world.system.start(Probe, { args: { log, init }, name: 'slow' })
  world.system.cast('slow', 'early')
  await world.until(starting, 100)
  expect(log).toEqual(['init', 'ready', ['cast', 'early']])
})

test('init that takes longer than the start time-out is killed', async () => {
  const world = new World()
  const starting = world.system.start(Probe, {
    args: { init: () => new Promise(() => {}) },
    name: 'stuck',
    timeout: 200,
  })
  expect(await world.reasonOf(starting, 200)).toEqual({ type: 'timeout', after: 200 })
  expect(world.system.whereis('stuck')).toBeUndefined()
})

test('IGNORE from init: no process, no name, and the start says normal', async () => {
  const world = new World()
  const starting = world.system.start(Probe, { args: { init: () => IGNORE }, name: 'ignored' })
  expect(await world.reasonOf(starting)).toEqual({ type: 'normal' })
  expect(world.system.whereis('ignored')).toBeUndefined()
})

test('a handler that throws ends the process: the caller and the monitors get the reason, terminate runs', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  const seen = world.ended(ref)
  const failing = world.system.call(ref, () => {
    throw new RangeError('broken')
  })
  const reason = { type: 'error', name: 'RangeError', message: 'broken' }
  expect(await world.reasonOf(failing)).toMatchObject(reason)
  expect(seen.reason).toMatchObject(reason)
  expect(log).toEqual(['init', ['terminate', 'error']])
})

test('handlers may throw anything at all', async () => {
  const world = new World()
  const frozen = Object.freeze({ message: 7 })
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  for (const thrown of [undefined, null, 0, '', Symbol('s'), frozen, cycle, () => 1, 10n]) {
    const ref = await world.start(Probe)
    const failing = world.system.call(ref, () => {
      throw thrown
    })
    expect((await world.reasonOf(failing)).type).toBe('error')
  }
})

test('a process that ends normally by itself is no excuse for a throw of normal', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const failing = world.system.call(ref, () => {
    throw new ExitError({ type: 'normal' })
  })
  expect((await world.reasonOf(failing)).type).toBe('error')
})

test('a rejection passed on from a call ends the caller with the same reason', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const seen = world.ended(ref)
  world.system.cast(ref, (probe: Probe) => probe.call('nobody', 1))
  await world.pass()
  expect(seen.reason).toEqual({ type: 'noproc' })
})

test('handlers that are missing: call and cast end the process, info is dropped', async () => {
  class Bare extends GenServer {}
  const world = new World()
  const called = await world.start(Bare)
  expect(await world.reasonOf(world.system.call(called, 'x'))).toMatchObject({ type: 'error' })
  const cast = await world.start(Bare)
  world.system.cast(cast, 'x')
  const sent = await world.start(Bare)
  world.system.send(sent, 'x')
  await world.pass()
  expect(world.system.alive(cast)).toBe(false)
  expect(world.system.alive(sent)).toBe(true)
})

test('stop from a handler: what it returned is answered, after terminate', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  const answer = world.system.call(ref, (probe: Probe) => {
    probe.stop('normal')
    return 'last words'
  })
  void answer.then(() => log.push('answered'))
  expect(await world.until(answer)).toBe('last words')
  expect(log).toEqual(['init', ['terminate', 'normal'], 'answered'])
  expect(world.system.alive(ref)).toBe(false)
})

test('stop from init ends the process right after its start', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log, init: (probe) => probe.stop('shutdown') } })
  await world.pass()
  expect(world.system.alive(ref)).toBe(false)
  expect(log).toEqual(['init', ['terminate', 'shutdown']])
})

test('stop from outside handles what waits, runs terminate, and frees the name before it resolves', async () => {
  const world = new World()
  const log: unknown[] = []
  await world.start(Probe, { args: { log }, name: 'probe' })
  world.system.cast('probe', 'before')
  const stopping = world.system.stop('probe').then(() => world.system.whereis('probe'))
  expect(await world.until(stopping)).toBeUndefined()
  expect(log).toEqual(['init', ['cast', 'before'], ['terminate', 'normal']])
  await world.start(Probe, { name: 'probe' })
  expect(world.system.whereis('probe')).toBeDefined()
})

test('stop with a reason ends with it', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const seen = world.ended(ref)
  await world.until(world.system.stop(ref, { type: 'shutdown', detail: 'closing time' }))
  expect(seen.reason).toEqual({ type: 'shutdown', detail: 'closing time' })
})

test('stop of nobody rejects with noproc', async () => {
  const world = new World()
  expect(await world.reasonOf(world.system.stop('nobody'))).toEqual({ type: 'noproc' })
  const ref = await world.start(Probe)
  await world.until(world.system.stop(ref))
  expect(await world.reasonOf(world.system.stop(ref))).toEqual({ type: 'noproc' })
})

test('stop that takes too long rejects with timeout, and the process goes on stopping', async () => {
  class Slow extends Probe {
    override async terminate() {
      await after(world, 1_000)
    }
  }
  const world = new World()
  const ref = await world.start(Slow)
  const stopping = world.system.stop(ref, 'normal', { timeout: 100 })
  expect(await world.reasonOf(stopping, 100)).toEqual({ type: 'timeout', after: 100 })
  expect(world.system.alive(ref)).toBe(true)
  await world.pass(900)
  expect(world.system.alive(ref)).toBe(false)
})

test('stop rejects with the reason when terminate throws', async () => {
  class Bad extends Probe {
    override terminate() {
      throw new Error('in terminate')
    }
  }
  const world = new World()
  const ref = await world.start(Bad)
  expect(await world.reasonOf(world.system.stop(ref))).toMatchObject({
    type: 'error',
    message: 'in terminate',
  })
})

test('a process cannot stop itself from outside its handlers’ means', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const failing = world.system.call(ref, (probe: Probe) => world.system.stop(probe.self))
  expect(await world.reasonOf(failing)).toEqual({ type: 'calling_self' })
})

test('a process that calls itself exits with calling_self, also after an await', async () => {
  const world = new World()
  const first = await world.start(Probe)
  const direct = world.system.call(first, (probe: Probe) => world.system.call(probe.self, 'me'))
  expect(await world.reasonOf(direct)).toEqual({ type: 'calling_self' })
  const second = await world.start(Probe)
  const later = world.system.call(second, async (probe: Probe) => {
    await Promise.resolve()
    return probe.call(probe.self, 'me')
  })
  expect(await world.reasonOf(later)).toEqual({ type: 'calling_self' })
})

test('a call to nobody rejects with noproc at once', async () => {
  const world = new World()
  expect(await world.reasonOf(world.system.call('nobody', 1))).toEqual({ type: 'noproc' })
  const ref = await world.start(Probe)
  world.system.exit(ref, 'killed')
  expect(await world.reasonOf(world.system.call(ref, 1))).toEqual({ type: 'noproc' })
})

test('casts and sends to nobody succeed in silence', async () => {
  const world = new World()
  expect(() => {
    world.system.cast('nobody', 1)
    world.system.send('nobody', 1)
    world.system.exit('nobody', 'killed')
  }).not.toThrow()
})

test('all calls in flight reject at once with the reason when the process ends', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const reasons: unknown[] = []
  for (let call = 0; call < 3; call++) {
    world.system.call(ref, 'keep').catch((error: ExitError) => reasons.push(error.reason.type))
  }
  world.system.call(ref, async () => new Promise(() => {})).catch((error) => reasons.push(error.reason.type))
  world.system.call(ref, 'queued').catch((error) => reasons.push(error.reason.type))
  await world.pass()
  world.system.exit(ref, 'killed')
  await world.pass()
  expect(reasons).toEqual(['killed', 'killed', 'killed', 'killed', 'killed'])
})

test('exit signals: normal is ignored, others end without terminate, killed cannot be trapped', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.exit(ref, 'normal')
  await world.pass()
  expect(world.system.alive(ref)).toBe(true)
  world.system.exit(ref, 'shutdown')
  expect(world.system.alive(ref)).toBe(false)
  expect(log).toEqual(['init'])

  const trapping = await world.start(Probe, { args: { log, trap: true } })
  world.system.exit(trapping, 'shutdown')
  world.system.exit(trapping, 'normal')
  await world.pass()
  expect(world.system.alive(trapping)).toBe(true)
  expect(log.slice(2)).toMatchObject([
    ['info', { type: 'exit', reason: { type: 'shutdown' } }],
    ['info', { type: 'exit', reason: { type: 'normal' } }],
  ])
  const seen = world.ended(trapping)
  world.system.exit(trapping, 'killed')
  await world.pass()
  expect(seen.reason).toEqual({ type: 'killed' })
})

test('an exit signal ends a process in the middle of an asynchronous handler', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.cast(ref, async (probe: Probe) => {
    await after(world, 100)
    probe.continue('never')
  })
  await world.pass(50)
  world.system.exit(ref, 'shutdown')
  await world.pass(100)
  expect(log).toEqual(['init'])
})

test('monitor: told once with the reason; at once with noproc when it is dead already; not after taken back', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const seen = world.ended(ref)
  const taken = world.ended('nobody')
  world.system.monitor(ref, () => expect.unreachable())()
  await world.until(world.system.stop(ref, 'shutdown'))
  await world.pass()
  expect(seen.reason).toEqual({ type: 'shutdown' })
  expect(taken.reason).toEqual({ type: 'noproc' })
  const late = world.ended(ref)
  await world.pass()
  expect(late.reason).toEqual({ type: 'noproc' })
})

test('monitor inside a server: down comes to handleInfo, and demonitor takes it back', async () => {
  const world = new World()
  const log: unknown[] = []
  const watcher = await world.start(Probe, { args: { log } })
  const target = await world.start(Probe)
  const other = await world.start(Probe)
  const id = await world.call(watcher, (probe: Probe) => probe.monitor(target))
  await world.call(watcher, (probe: Probe) => probe.demonitor(probe.monitor(other)))
  world.system.exit(target, 'killed')
  world.system.exit(other, 'killed')
  await world.pass()
  expect(log).toEqual([
    'init',
    ['info', { type: 'down', monitor: id, ref: target, reason: { type: 'killed' } }],
  ])
})

test('links: an abnormal end takes the other down, a normal one does not', async () => {
  const world = new World()
  const pair = async (): Promise<[ProcessRef, ProcessRef]> => {
    const refs: [ProcessRef, ProcessRef] = [await world.start(Probe), await world.start(Probe)]
    world.system.link(...refs)
    return refs
  }
  const [a, b] = await pair()
  await world.until(world.system.stop(a, 'normal'))
  expect(world.system.alive(b)).toBe(true)

  const [c, d] = await pair()
  const seen = world.ended(d)
  await world.until(world.system.stop(c, new Error('went wrong')))
  await world.pass()
  expect(seen.reason).toMatchObject({ type: 'error', message: 'went wrong' })

  const [e, f] = await pair()
  world.system.unlink(e, f)
  world.system.exit(e, 'killed')
  expect(world.system.alive(f)).toBe(true)
})

test('links to a process that traps exits: a message instead of the end, also when killed', async () => {
  const world = new World()
  const log: unknown[] = []
  const trapping = await world.start(Probe, { args: { log, trap: true } })
  const other = await world.start(Probe)
  world.system.link(trapping, other)
  world.system.exit(other, 'killed')
  await world.pass()
  expect(log).toEqual(['init', ['info', { type: 'exit', from: other, reason: { type: 'killed' } }]])
})

test('a link to nobody is an exit signal noproc', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const seen = world.ended(ref)
  world.system.link(ref, 'nobody')
  await world.pass()
  expect(seen.reason).toEqual({ type: 'noproc' })
})

test('startLink: the child ends with its parent, and one that traps runs terminate first', async () => {
  const world = new World()
  const log: unknown[] = []
  const parent = await world.start(Probe)
  const child = (await world.call(parent, (probe: Probe) =>
    probe.startLink(Probe, { args: { log, trap: true } }),
  )) as ProcessRef
  world.system.exit(parent, 'shutdown')
  await world.pass()
  expect(world.system.alive(child)).toBe(false)
  expect(log).toEqual(['init', ['terminate', 'shutdown']])
})

test('startLink: a child that fails to start does not also take its parent down', async () => {
  const world = new World()
  const parent = await world.start(Probe)
  const answer = world.call(parent, async (probe: Probe) => {
    try {
      await probe.startLink(Probe, {
        args: {
          init() {
            throw new Error('stillborn')
          },
        },
      })
      return 'started'
    } catch (error) {
      return (error as ExitError).reason.type
    }
  })
  expect(await answer).toBe('error')
  expect(world.system.alive(parent)).toBe(true)
})

test('a name is registered before init, taken names are refused with their holder, and freed at the end', async () => {
  const world = new World()
  let inside: unknown
  const init = () => {
    inside = world.system.whereis('one')
  }
  const first = await world.start(Probe, { name: 'one', args: { init } })
  expect(inside).toEqual(first)
  const second = world.system.start(Probe, { name: 'one' })
  expect(await world.reasonOf(second)).toMatchObject({ type: 'already_started', ref: first })
  expect(world.system.whereis('one')).toEqual(first)
  world.system.exit(first, 'killed')
  expect(world.system.whereis('one')).toBeUndefined()
  await world.start(Probe, { name: 'one' })
})

test('bad start options are refused by their path', async () => {
  const world = new World()
  await expect(world.system.start(Probe, { name: '' })).rejects.toThrow('start.name')
  await expect(world.system.start(Probe, { timeout: -1 })).rejects.toThrow('start.timeout')
  await expect(world.system.start(Probe, { nmae: 'typo' } as never)).rejects.toThrow('start.nmae')
  await expect(world.system.start(Object as never)).rejects.toThrow('start.server')
})

test('a busy process does not starve the others', async () => {
  const world = new World()
  const log: unknown[] = []
  const busy = await world.start(Probe, { args: { log } })
  const quiet = await world.start(Probe, { args: { log } })
  for (let message = 0; message < 1_000; message++) world.system.cast(busy, message)
  world.system.cast(quiet, 'me too')
  await world.pass()
  const place = log.findIndex((entry) => Array.isArray(entry) && entry[1] === 'me too')
  expect(place).toBeGreaterThan(0)
  expect(place).toBeLessThan(200)
  expect(log).toHaveLength(1_003)
})

test('10,000 processes start, answer, and leave nothing behind', async () => {
  const world = new World()
  const refs = await Promise.all(
    Array.from({ length: 10_000 }, (_, n) => world.system.start(Stack, { args: [n] })),
  )
  const answers = await Promise.all(refs.map((ref) => world.system.call(ref, 'pop')))
  expect(answers).toEqual(refs.map((_, n) => n))
  await Promise.all(refs.map((ref) => world.system.stop(ref)))
  expect(world.system.size).toBe(0)
})
