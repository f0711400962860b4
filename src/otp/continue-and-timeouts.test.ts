import { expect, test } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { ProcessSystem } from './index.js'
import { Probe, World } from './testing/world.js'

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

test('continue from a continue, and several at once: in order, before any message that waits', async () => {
  const world = new World()
  const log: unknown[] = []
  class Chain extends Probe {
    override handleContinue(value: unknown) {
      super.handleContinue(value)
      if (value === 'first') this.continue('third')
    }
  }
  const ref = await world.start(Chain, { args: { log } })
  world.system.cast(ref, (probe: Probe) => {
    probe.continue('first')
    probe.continue('second')
  })
  world.system.cast(ref, 'queued')
  await world.pass()
  const steps = ['first', 'second', 'third'].map((value) => ['continue', value])
  expect(log).toEqual(['init', ...steps, ['cast', 'queued']])
})

test('a call is answered before its continue runs', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  let answered = false
  const held = new Promise<void>((resolve) => void world.time.timer(1_000, resolve))
  class Slow extends Probe {
    override async handleContinue() {
      await held
    }
  }
  const slow = await world.start(Slow)
  void world.system.call(slow, (probe: Probe) => probe.continue('long')).then(() => (answered = true))
  await world.pass()
  expect(answered).toBe(true)
  expect(world.system.alive(ref)).toBe(true)
})

test('the handler time-out may be set by init, and Infinity is none', async () => {
  const world = new World()
  const log: unknown[] = []
  await world.start(Probe, { args: { log, init: (probe) => probe.timeout(50) } })
  await world.start(Probe, { args: { log, init: (probe) => probe.timeout(Number.POSITIVE_INFINITY) } })
  await world.pass(10_000)
  expect(log).toEqual(['init', 'init', ['info', { type: 'timeout' }]])
})

test('a negative or absurd handler time-out ends the process by an error that names it', async () => {
  const world = new World()
  for (const timeout of [-1, Number.NaN, '5' as never]) {
    const ref = await world.start(Probe)
    const failing = world.system.call(ref, (probe: Probe) => probe.timeout(timeout))
    expect(await world.reasonOf(failing)).toMatchObject({ name: 'InvalidOption' })
  }
})

test('a message that waits when the handler time-out falls due cancels it', async () => {
  const time = new VirtualTime('late')
  const runtime = time.runtime('late')
  // As in a page that is busy: what is ready has its turn a while after it came.
  const system = new ProcessSystem({ runtime, defer: (run) => void runtime.timer(5, run) })
  const log: unknown[] = []
  const ref = await system.start(Probe, { args: { log, init: (probe) => probe.timeout(10) } })
  runtime.timer(8, () => system.send(ref, 'in time'))
  await time.advanceAsync(100)
  expect(log).toEqual(['init', ['info', 'in time']])
})

test('stop wins over a continue and a time-out of the same handler', async () => {
  const world = new World()
  const log: unknown[] = []
  const ref = await world.start(Probe, { args: { log } })
  world.system.cast(ref, (probe: Probe) => {
    probe.continue('never')
    probe.timeout(0)
    probe.stop('normal')
  })
  world.system.cast(ref, 'never')
  await world.pass(10)
  expect(log).toEqual(['init', ['terminate', 'normal']])
})
