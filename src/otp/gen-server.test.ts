import { expect, test } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { ExitError, GenServer, NO_REPLY } from './index.js'
import { after, Probe, World } from './testing/world.js'

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
  await expect(world.system.call('nobody', 1)).rejects.toThrow('call to nobody: no such process')
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

test('a process that throws after it replied ends, and its caller has the reply', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const answer = world.system.call(ref, (_: Probe, from: { reply(value: unknown): void }) => {
    from.reply('said')
    throw new Error('then fell')
  })
  expect(await world.until(answer)).toBe('said')
  expect(world.system.alive(ref)).toBe(false)
})

test('two processes that call each other wait, and time out, and live', async () => {
  const world = new World()
  const a = await world.start(Probe)
  const b = await world.start(Probe)
  const answer = world.system.call(
    a,
    (one: Probe) =>
      one.call(b, (other: Probe) =>
        other.call(a, 'x', { timeout: 100 }).catch((error: ExitError) => error.reason.type),
      ),
    { timeout: 1_000 },
  )
  expect(await world.until(answer, 200)).toBe('timeout')
})
