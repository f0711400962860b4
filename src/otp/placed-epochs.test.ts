import { expect, test } from 'vitest'
import type { Message } from '../wire/index.js'
import { PlacedRef } from './index.js'
import { packRecord } from './placed-record.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

/** Counts after a while, so that something can happen while it handles a call. */
class Slow extends Tally {
  override async handleCall(request: unknown): Promise<unknown> {
    if (request !== 'slow') return super.handleCall(request)
    await new Promise<void>((resolve) => this.timer?.(resolve))
    return super.handleCall('inc')
  }

  timer: ((done: () => void) => void) | undefined
}

const k = new PlacedRef('tally', 'k')

/** A mesh in which `k` runs, with the peer that runs it and one that does not. */
async function running(Class = Tally, options: ConstructorParameters<typeof MeshWorld>[1] = {}) {
  const world = new MeshWorld(['a', 'b', 'c'], {
    ...options,
    each: (system) => system.define('tally', Class),
  })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  const owner = world.network.cluster('a').ring.owner('k') as string
  const [other, third] = ['a', 'b', 'c'].filter((id) => id !== owner) as [string, string]
  const say = (from: string, message: Message): void => void world.network.cluster(from).send(owner, message)
  const epoch = () =>
    world
      .at(owner)
      .placed()
      .find(({ key }) => key === 'k')?.epoch
  return { world, owner, other, third, say, epoch }
}

test('what was started in an earlier epoch than one that is over goes on in a later, with what that one left', async () => {
  const { world, owner, other, third, say, epoch } = await running()
  await world.until(world.at(other).call(k, 'inc'))
  const process = world.at(owner).placed()[0]?.ref
  const left = { epoch: 7, owner: other, args: undefined, snapshot: 40 }
  world.snapshots.values.set('tally/k', packRecord(left))
  say(other, { type: 'placed.gone', placed: 'tally', key: 'k', epoch: 7, now: null })
  await world.pass(50)
  expect(epoch()).toBe(8)
  expect(world.at(owner).placed()[0]?.ref).toEqual(process)
  expect(await world.until(world.at(third).call(k, 'count'))).toBe(41)
})

test('what was started in a later epoch than one that is over stays in its own', async () => {
  const { world, other, say, epoch } = await running()
  const before = epoch()
  say(other, { type: 'placed.gone', placed: 'tally', key: 'k', epoch: 0, now: null })
  await world.pass(50)
  expect(epoch()).toBe(before)
})

test('an epoch that cannot be is not believed', async () => {
  const { world, other, say, epoch } = await running()
  const before = epoch()
  say(other, { type: 'placed.gone', placed: 'tally', key: 'k', epoch: 2 ** 50, now: null })
  await world.pass(50)
  expect(epoch()).toBe(before)
})

test('a call of its own page that is answered after a later epoch was heard of is refused', async () => {
  const waiting: (() => void)[] = []
  class Held extends Slow {
    override timer = (done: () => void): void => void waiting.push(done)
  }
  const { world, owner, other, say } = await running(Held)
  const own = world.at(owner).call(k, 'slow')
  const theirs = world.at(other).call(k, 'slow')
  await world.pass(20)
  expect(waiting).toHaveLength(1)
  // Its page has been cut off: somebody else runs it by now.
  say(other, { type: 'placed.at', entries: [{ placed: 'tally', key: 'k', epoch: 9, process: '99' }] })
  await world.pass(20)
  for (const done of waiting.splice(0)) done()
  const former = { type: 'shutdown', detail: 'answered by a former owner' }
  expect(await world.reasonOf(own)).toEqual(former)
  expect((await world.reasonOf(theirs, 6_000)).type).not.toBe('error')
})

test('who is told of a move that was tried twice hears of the epoch that it ended in', async () => {
  const told: number[] = []
  const world = new MeshWorld(['a', 'b'], {
    each: (system) => system.define('tally', Tally),
    onMessage: (_from, _to, message) => {
      if (message.type === 'placed.gone' && message.now !== null) told.push(message.epoch + 1)
    },
  })
  await world.pass(20)
  // It takes nothing over at first, and tells nobody that it has: all that others hear is what the former owner says.
  const late = world.network.join('late')
  const offered: number[] = []
  late.serve('placed.take', ({ epoch }, request) => {
    offered.push(epoch)
    const taken = offered.length > 1
    const process = taken ? '77' : null
    request.reply({ type: 'placed.ensured', elsewhere: taken ? null : '', reason: null, process })
  })
  await world.pass(100)
  const { ring } = world.network.cluster('a')
  const key = Array.from({ length: 100 }, (_, n) => `key ${n}`).find((each) => ring.owner(each) === 'late')
  const ref = await world.until(world.at('a').place('tally', key as string), 5_000)
  for (const id of ['a', 'b']) late.send(id, { type: 'placed.types', types: ['tally'] })
  await world.pass(500)
  expect(offered).toEqual([2])
  expect(told).toEqual([])
  await world.pass(2_000)
  expect(offered).toHaveLength(2)
  expect(offered[1]).toBeGreaterThan(2)
  expect(new Set(told)).toEqual(new Set([offered[1]]))
  const process = { peer: 'late', id: '77' }
  const deaths: unknown[] = []
  for (const id of ['a', 'b']) world.at(id).monitor(ref, (reason) => deaths.push(reason))
  late.receive('process.monitor', ({ process: watched }) => deaths.push(watched))
  await world.pass(100)
  expect(deaths).toEqual([process.id, process.id])
})
