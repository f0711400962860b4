import { expect, test } from 'vitest'
import {
  type From,
  NO_REPLY,
  type ProcessRef,
  Supervisor,
  type Supervisor as SupervisorHandle,
} from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'
import { Probe } from './testing/world.js'

async function two() {
  const world = new MeshWorld(['a', 'b'])
  const log: unknown[] = []
  const ref = await world.until(world.at('b').start(Probe, { args: { log } }))
  return { world, a: world.at('a'), b: world.at('b'), ref, log }
}

test('a ref works the same on every peer, also as a copy that travelled', async () => {
  const { world, a, b, ref } = await two()
  expect(await world.until(a.call(ref, { deep: [1, new Map([['x', 2n]])] }))).toEqual({
    deep: [1, new Map([['x', 2n]])],
  })
  const keeper = await world.until(a.start(Probe))
  await world.until(b.call(keeper, { see: ref }))
  const log = (await world.until(a.call(keeper, 'log'))) as [string, [string, { see: ProcessRef }]]
  const copy = log[1][1].see
  expect(copy).toEqual({ ...ref })
  expect(await world.until(a.call(copy, 'hello'))).toBe('hello')
})

test('calls, casts and sends of one peer arrive in the order they were sent', async () => {
  const { world, a, ref, log } = await two()
  for (let number = 0; number < 50; number++) {
    if (number % 3 === 0) a.cast(ref, number)
    else if (number % 3 === 1) a.send(ref, number)
    else void a.call(ref, number)
  }
  await world.until(a.call(ref, 'log'))
  expect(log.slice(1, 51).map((entry) => (entry as [string, number])[1])).toEqual(
    Array.from({ length: 50 }, (_, n) => n),
  )
})

test('a remote call rejects with the reason when the process ends, at once', async () => {
  const { world, a, b, ref } = await two()
  const kept = a.call(ref, 'keep')
  await world.pass(20)
  b.exit(ref, 'killed')
  expect(await world.reasonOf(kept, 20)).toEqual({ type: 'killed' })
  expect(await world.reasonOf(a.call(ref, 1), 20)).toEqual({ type: 'noproc' })
})

test('a remote call rejects with nodedown when the peer dies, at once when it is known', async () => {
  const { world, a, ref } = await two()
  const kept = a.call(ref, 'keep', { timeout: 60_000 })
  await world.pass(20)
  world.network.crash('b')
  expect(await world.reasonOf(kept, 6_100)).toEqual({ type: 'nodedown', peer: 'b' })
  expect(await world.reasonOf(a.call(ref, 1), 1)).toEqual({ type: 'nodedown', peer: 'b' })
})

test('a remote call times out by the caller’s clock, and the late reply is dropped', async () => {
  const { world, a, ref } = await two()
  const kept = a.call(ref, 'keep', { timeout: 100 })
  expect(await world.reasonOf(kept, 101)).toEqual({ type: 'timeout', after: 100 })
  await world.until(a.call(ref, 'release'))
  expect(await world.until(a.call(ref, 'still here'))).toBe('still here')
})

test('reply later, by a copy of from on a third peer', async () => {
  const world = new MeshWorld(['a', 'b', 'c'])
  class Deferring extends Probe {
    override handleCall(request: unknown, from: From) {
      if (request !== 'defer') return super.handleCall(request, from)
      this.send('answerer', { from })
      return NO_REPLY
    }
  }
  class Answering extends Probe {
    override handleInfo({ from }: { from: From }) {
      world.at('c').reply(from, 'from c')
    }
  }
  await world.until(world.at('c').start(Answering, { name: 'answerer' }))
  const ref = await world.until(world.at('b').start(Deferring))
  expect(await world.until(world.at('a').call(ref, 'defer'))).toBe('from c')
})

test('an answer or a request that cannot be packed fails the call and harms nobody', async () => {
  const { world, a, b, ref } = await two()
  expect(await world.reasonOf(a.call(ref, () => 1))).toMatchObject({ type: 'error', name: 'InvalidOption' })
  class Odd extends Probe {
    override handleCall() {
      return () => 1
    }
  }
  const odd = await world.until(b.start(Odd))
  expect(await world.reasonOf(a.call(odd, 1))).toMatchObject({ type: 'error', name: 'InvalidOption' })
  expect(b.alive(odd)).toBe(true)
  expect(() => a.cast(ref, () => 1)).toThrow('must')
})

test('remote monitors: the reason, noproc, nodedown, and none after they are taken back', async () => {
  const { world, a, b, ref } = await two()
  const seen: unknown[] = []
  a.monitor(ref, (reason) => seen.push(reason.type))
  a.monitor(ref, () => seen.push('never'))()
  await world.pass(20)
  b.exit(ref, 'shutdown')
  await world.pass(20)
  a.monitor(ref, (reason) => seen.push(reason.type))
  await world.pass(20)
  const other = await world.until(b.start(Probe))
  a.monitor(other, (reason) => seen.push(reason.type))
  await world.pass(20)
  world.network.crash('b')
  await world.pass(10_000)
  a.monitor(other, (reason) => seen.push(reason.type))
  await world.pass(1)
  expect(seen).toEqual(['shutdown', 'noproc', 'nodedown', 'nodedown'])
})

test('remote links: an end on either side reaches the other, unlink undoes it, and a lost peer is nodedown', async () => {
  const { world, a, b } = await two()
  const pair = async () => {
    const refs = [await world.until(a.start(Probe)), await world.until(b.start(Probe))] as const
    a.link(...refs)
    await world.pass(20)
    return refs
  }
  const [one, two1] = await pair()
  a.exit(one, 'killed')
  await world.pass(20)
  expect(b.alive(two1)).toBe(false)

  const [three, four] = await pair()
  b.exit(four, new Error('there'))
  await world.pass(20)
  expect(a.alive(three)).toBe(false)

  const [five, six] = await pair()
  a.unlink(five, six)
  await world.pass(20)
  b.exit(six, 'killed')
  await world.pass(20)
  expect(a.alive(five)).toBe(true)

  const [seven] = await pair()
  const seen: unknown[] = []
  a.monitor(seven, (reason) => seen.push(reason))
  world.network.crash('b')
  await world.pass(10_000)
  expect(seen).toEqual([{ type: 'nodedown', peer: 'b' }])
})

test('an exit signal of a remote link that was taken back meanwhile is dropped', async () => {
  const { world, a, b, ref } = await two()
  const local = await world.until(a.start(Probe))
  a.link(local, ref)
  await world.pass(20)
  // Both are on their way at once: neither side has heard of the other.
  b.exit(ref, 'killed')
  a.unlink(local, ref)
  await world.pass(20)
  expect(a.alive(local)).toBe(true)
})

test('a remote link that ends is told of once, also where its peer dies afterwards', async () => {
  const { world, a, b, ref } = await two()
  const log: unknown[] = []
  const local = await world.until(a.start(Probe, { args: { log, trap: true } }))
  a.link(local, ref)
  await world.pass(20)
  b.exit(ref, 'killed')
  await world.pass(20)
  world.network.crash('b')
  await world.pass(10_000)
  expect(log.slice(1)).toEqual([['info', { type: 'exit', from: { ...ref }, reason: { type: 'killed' } }]])
})

test('a peer that was held for dead and was not hears on its return that its monitors and links are broken', async () => {
  const { world, a, b } = await two()
  const log: unknown[] = []
  const seen: unknown[] = []
  const watched = await world.until(a.start(Probe, { name: 'watched' }))
  const linked = await world.until(a.start(Probe))
  const local = await world.until(b.start(Probe, { args: { log, trap: true } }))
  b.monitor(watched, (reason) => seen.push(reason))
  b.link(local, linked)
  await world.pass(20)
  // What b says reaches nobody, though it hears all: it sees nobody die.
  world.network.mute(['b'])
  await world.pass(10_000)
  expect(a.alive(linked)).toBe(false)
  expect(seen).toEqual([])
  world.network.heal()
  await world.pass(100)
  const reason = { type: 'nodedown', peer: 'a' }
  expect(seen).toEqual([reason])
  expect(log.slice(1)).toEqual([['info', { type: 'exit', from: { ...linked }, reason }]])
  expect(b.whereis('watched')).toEqual({ ...watched })
})

test('ends are told of also where the queue to the peer was full when they came', async () => {
  const { world, a, b, ref } = await two()
  const seen: unknown[] = []
  const local = await world.until(a.start(Probe))
  a.link(local, ref)
  a.monitor(ref, (reason) => seen.push(['monitor', reason.type]))
  a.monitor(local, (reason) => seen.push(['link', reason.type]))
  await world.pass(20)
  const cluster = world.network.cluster('b')
  const { send } = cluster
  cluster.send = () => false
  b.exit(ref, 'killed')
  await world.pass(500)
  expect(seen).toEqual([])
  cluster.send = send
  await world.pass(500)
  expect(seen.sort()).toEqual([
    ['link', 'killed'],
    ['monitor', 'killed'],
  ])
})

test('a link to a remote process that is not there is noproc', async () => {
  const { world, a, b, ref } = await two()
  b.exit(ref, 'killed')
  const local = await world.until(a.start(Probe))
  const seen: unknown[] = []
  a.monitor(local, (reason) => seen.push(reason.type))
  a.link(local, ref)
  await world.pass(20)
  expect(seen).toEqual(['noproc'])
})

test('stop and exit work on remote processes', async () => {
  const { world, a, b, ref, log } = await two()
  await world.until(a.stop(ref, 'shutdown'))
  expect(log).toEqual(['init', ['terminate', 'shutdown']])
  const other = await world.until(b.start(Probe))
  a.exit(other, 'killed')
  await world.pass(20)
  expect(b.alive(other)).toBe(false)
})

test('mesh-wide trees show every peer’s supervisors and what is below them', async () => {
  const { world, a, b } = await two()
  await world.until(Supervisor.start(a, { name: 'top', children: [{ id: 'x', start: [Probe] }] }))
  const other: SupervisorHandle = await world.until(
    Supervisor.start(b, {
      children: [{ id: 'inner', supervisor: { children: [{ id: 'tally', start: [Tally], name: 'tally' }] } }],
    }),
  )
  const trees = await world.until(a.tree())
  expect(trees).toMatchObject([
    { peer: 'a', trees: [{ id: 'top', children: [{ id: 'x', label: 'Probe', state: 'running' }] }] },
    {
      peer: 'b',
      trees: [
        {
          ref: `b/${other.ref.id}`,
          kind: 'supervisor',
          children: [
            { id: 'inner', kind: 'supervisor', children: [{ id: 'tally', label: 'Tally', children: [] }] },
          ],
        },
      ],
    },
  ])
  world.network.crash('b')
  await world.pass(10_000)
  expect((await world.until(a.tree())).map(({ peer }) => peer)).toEqual(['a'])
})

test('nothing is left behind by a thousand calls, monitors and links', async () => {
  const { world, a, b, ref } = await two()
  const size = [a.size, b.size]
  for (let round = 0; round < 1_000; round++) {
    void a.call(ref, round)
    a.monitor(ref, () => {})()
  }
  await world.until(a.call(ref, 'log'), 10_000)
  expect([a.size, b.size]).toEqual(size)
  expect(a.waitingCalls + b.waitingCalls).toBe(0)
})
