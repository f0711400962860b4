import { expect, test } from 'vitest'
import { ExitError, IGNORE } from './index.js'
import { after, Probe, World } from './testing/world.js'

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

test('a constructor that throws fails the start as init does', async () => {
  class Odd extends Probe {
    #never = (() => {
      throw new RangeError('odd')
    })()
    override handleCall() {
      return this.#never
    }
  }
  const world = new World()
  expect(await world.reasonOf(world.system.start(Odd))).toMatchObject({ type: 'error', name: 'RangeError' })
  expect(world.system.size).toBe(0)
})

test('bad start options are refused by their path', async () => {
  const world = new World()
  await expect(world.system.start(Probe, { name: '' })).rejects.toThrow('start.name')
  await expect(world.system.start(Probe, { timeout: -1 })).rejects.toThrow('start.timeout')
  await expect(world.system.start(Probe, { nmae: 'typo' } as never)).rejects.toThrow('start.nmae')
  await expect(world.system.start(Object as never)).rejects.toThrow('start.server')
})

test('stop rejects also where the reason is another error than the one given', async () => {
  class Bad extends Probe {
    override terminate() {
      throw new Error('in terminate')
    }
  }
  const world = new World()
  const ref = await world.start(Bad)
  const stopping = world.system.stop(ref, new Error('given'))
  expect(await world.reasonOf(stopping)).toMatchObject({ message: 'in terminate' })
  const other = await world.start(Probe)
  await world.until(world.system.stop(other, new Error('given')))
})

test('an exit signal in the middle of init fails the start with its reason', async () => {
  const world = new World()
  const starting = world.system.start(Probe, {
    args: { init: () => new Promise(() => {}) },
    name: 'slow',
  })
  const reason = world.reasonOf(starting)
  world.system.exit('slow', 'shutdown')
  expect(await reason).toEqual({ type: 'shutdown' })
})

test('stop while init still runs waits for it, and then ends it properly', async () => {
  const world = new World()
  const log: unknown[] = []
  const starting = world.system.start(Probe, { args: { log, init: () => after(world, 100) }, name: 'slow' })
  const stopping = world.system.stop('slow')
  await world.until(Promise.all([starting, stopping]), 100)
  expect(log).toEqual(['init', ['terminate', 'normal']])
})

test('of several that stop one process, each is told of the one end', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const stops = [1, 2, 3].map(() => world.system.stop(ref))
  await world.until(Promise.all(stops))
  expect(world.system.alive(ref)).toBe(false)
})

test('of many starts at once with one name, one succeeds', async () => {
  const world = new World()
  const starts = Array.from({ length: 10 }, () =>
    world.system.start(Probe, { name: 'one' }).then(
      () => 1,
      (error: ExitError) => (error.reason.type === 'already_started' ? 0 : Number.NaN),
    ),
  )
  const won = await world.until(Promise.all(starts))
  expect(won.reduce((sum: number, each) => sum + each, 0)).toBe(1)
})
