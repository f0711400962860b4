import { expect, test } from 'vitest'
import type { ExitError, ProcessRef } from './index.js'
import { after, Probe, World } from './testing/world.js'

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

test('demonitor takes back also what waits already', async () => {
  const world = new World()
  const log: unknown[] = []
  const watcher = await world.start(Probe, { args: { log } })
  const target = await world.start(Probe)
  world.system.cast(watcher, async (probe: Probe) => {
    const id = probe.monitor(target)
    world.system.exit(target, 'killed')
    await after(world, 10)
    probe.demonitor(id)
  })
  world.system.cast(watcher, 'next')
  await world.pass(20)
  expect(log).toEqual(['init', ['cast', 'next']])
})

test('every monitor is told by itself, also two of one watcher', async () => {
  const world = new World()
  const log: unknown[] = []
  const watcher = await world.start(Probe, { args: { log } })
  const target = await world.start(Probe, { name: 'target' })
  const ids = await world.call(watcher, (probe: Probe) => [probe.monitor(target), probe.monitor('target')])
  await world.until(world.system.stop(target))
  await world.pass()
  const [first, second] = ids as number[]
  expect(log.slice(1)).toEqual([
    ['info', { type: 'down', monitor: first, ref: target, reason: { type: 'normal' } }],
    ['info', { type: 'down', monitor: second, ref: 'target', reason: { type: 'normal' } }],
  ])
})

test('exit signals between processes name who sent them', async () => {
  const world = new World()
  const log: unknown[] = []
  const trapping = await world.start(Probe, { args: { log, trap: true } })
  const sender = await world.start(Probe)
  await world.call(sender, () => world.system.exit(trapping, { type: 'shutdown', detail: 1 }))
  await world.pass()
  expect(log.slice(1)).toEqual([
    ['info', { type: 'exit', from: sender, reason: { type: 'shutdown', detail: 1 } }],
  ])
})

test('exit of oneself with normal ends oneself, as in OTP', async () => {
  const world = new World()
  const ref = await world.start(Probe)
  const seen = world.ended(ref)
  world.system.cast(ref, (probe: Probe) => world.system.exit(probe.self, 'normal'))
  await world.pass()
  expect(seen.reason).toEqual({ type: 'normal' })
})

test('a chain of links falls with one reason, and stops at a process that traps', async () => {
  const world = new World()
  const log: unknown[] = []
  const refs = [await world.start(Probe), await world.start(Probe), await world.start(Probe)]
  const trapping = await world.start(Probe, { args: { log, trap: true } })
  const behind = await world.start(Probe)
  const [a, b, c] = refs as [ProcessRef, ProcessRef, ProcessRef]
  world.system.link(a, b)
  world.system.link(b, c)
  world.system.link(c, trapping)
  world.system.link(trapping, behind)
  const seen = refs.map((ref) => world.ended(ref))
  world.system.exit(a, new Error('domino'))
  await world.pass()
  for (const { reason } of seen) expect(reason).toMatchObject({ type: 'error', message: 'domino' })
  expect(log[1]).toMatchObject(['info', { type: 'exit', from: c, reason: { message: 'domino' } }])
  expect(world.system.alive(behind)).toBe(true)
})

test('links are one, however often they are made; one unlink takes it back at both ends', async () => {
  const world = new World()
  const a = await world.start(Probe)
  const b = await world.start(Probe)
  world.system.link(a, b)
  world.system.link(b, a)
  world.system.unlink(b, a)
  world.system.exit(a, 'killed')
  await world.pass()
  expect(world.system.alive(b)).toBe(true)
})

test('two linked processes that end at the same time end each with its own reason', async () => {
  const world = new World()
  const a = await world.start(Probe)
  const b = await world.start(Probe)
  world.system.link(a, b)
  const seen = [world.ended(a), world.ended(b)]
  for (const [ref, message] of [
    [a, 'one'],
    [b, 'other'],
  ] as const)
    world.system.cast(ref, () => {
      throw new Error(message)
    })
  await world.pass()
  expect(seen[0]?.reason).toMatchObject({ message: 'one' })
  expect(seen[1]?.reason).toMatchObject({ message: expect.stringMatching(/one|other/) })
})

test('startLink: a parent that ends normally leaves a child that does not trap', async () => {
  const world = new World()
  const log: unknown[] = []
  const parent = await world.start(Probe)
  const start = (trap: boolean) => (probe: Probe) => probe.startLink(Probe, { args: { log, trap } })
  const plain = (await world.call(parent, start(false))) as ProcessRef
  const trapping = (await world.call(parent, start(true))) as ProcessRef
  await world.until(world.system.stop(parent, 'normal'))
  await world.pass()
  expect(world.system.alive(plain)).toBe(true)
  expect(world.system.alive(trapping)).toBe(false)
  expect(log.slice(2)).toEqual([['terminate', 'normal']])
})

test('kill is the word for the exit signal that cannot be trapped, and its reason is killed', async () => {
  const world = new World()
  const log: unknown[] = []
  const watcher = await world.start(Probe, { args: { log, trap: true } })
  const target = await world.start(Probe, { args: { trap: true } })
  world.system.link(watcher, target)
  world.system.exit(target, 'kill')
  await world.pass()
  expect(log[1]).toEqual(['info', { type: 'exit', from: target, reason: { type: 'killed' } }])
})

test('a link to a process that has ended names it as the sender of noproc', async () => {
  const world = new World()
  const log: unknown[] = []
  const trapping = await world.start(Probe, { args: { log, trap: true } })
  const gone = await world.start(Probe)
  await world.until(world.system.stop(gone))
  world.system.link(trapping, gone)
  await world.pass()
  expect(log.slice(1)).toEqual([['info', { type: 'exit', from: gone, reason: { type: 'noproc' } }]])
})

test('unlink by a name takes the link back, and what waits of it already is still handled', async () => {
  const world = new World()
  const log: unknown[] = []
  const other = await world.start(Probe, { name: 'other' })
  const one = await world.start(Probe)
  await world.call(one, (probe: Probe) => {
    probe.link('other')
    probe.unlink('other')
  })
  const trapping = await world.start(Probe, { args: { log, trap: true } })
  await world.call(trapping, (probe: Probe) => {
    probe.link(other)
    world.system.exit(other, 'killed')
    probe.unlink(other)
  })
  await world.pass()
  expect(world.system.alive(one)).toBe(true)
  expect(log.slice(1)).toEqual([['info', { type: 'exit', from: other, reason: { type: 'killed' } }]])
})

test('an exit signal to a linked process that traps leaves the link', async () => {
  const world = new World()
  const trapping = await world.start(Probe, { args: { trap: true } })
  const sender = await world.start(Probe)
  world.system.link(sender, trapping)
  await world.call(sender, () => world.system.exit(trapping, 'shutdown'))
  const seen = world.ended(sender)
  world.system.exit(trapping, 'kill')
  await world.pass()
  expect(seen.reason).toEqual({ type: 'killed' })
})

test('messages that were sent before an exit signal come before it', async () => {
  const world = new World()
  const log: unknown[] = []
  const trapping = await world.start(Probe, { args: { log, trap: true } })
  const sender = await world.start(Probe)
  await world.call(sender, (probe: Probe) => {
    probe.link(trapping)
    probe.cast(trapping, 1)
    probe.send(trapping, 2)
    probe.stop('shutdown')
  })
  await world.pass()
  expect(log.slice(1)).toEqual([
    ['cast', 1],
    ['info', 2],
    ['info', { type: 'exit', from: sender, reason: { type: 'shutdown' } }],
  ])
})

test('a process that has ended does nothing any more, though its handler goes on', async () => {
  const world = new World()
  const log: unknown[] = []
  const other = await world.start(Probe, { args: { log } })
  const ref = await world.start(Probe)
  const refused: unknown[] = []
  const refuse = (error: ExitError) => void refused.push(error.reason)
  world.system.cast(ref, async (probe: Probe) => {
    await after(world, 10)
    probe.link(other)
    probe.cast(other, 'cast')
    probe.send(other, 'sent')
    probe.monitor(other)
    await probe.call(other, 'called').catch(refuse)
    await probe.startLink(Probe, { args: { log } }).catch(refuse)
  })
  await world.pass()
  world.system.exit(ref, 'killed')
  await world.pass(10)
  expect(refused).toEqual([{ type: 'killed' }, { type: 'killed' }])
  expect(log).toEqual(['init'])
  expect(world.system.alive(other)).toBe(true)
})
