import { expect, test } from 'vitest'
import { packValue, unpackValue } from '../wire/index.js'
import { PlacedRef } from './index.js'
import { unpackReason } from './packed-reason.js'
import { unpackRecord } from './placed-record.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

const k = new PlacedRef('tally', 'k')

/** A tally of which one peer cannot start any that has counted. */
function brokenOn(isBroken: (peer: string) => boolean) {
  return class extends Tally {
    override init(args: undefined, snapshot: number | undefined): void {
      if (snapshot !== undefined && snapshot > 0 && isBroken(this.self.peer)) throw new Error('broken here')
      super.init(args, snapshot)
    }
  }
}

/** A key that goes to a peer when it joins. */
function keyFor(world: MeshWorld, joins: string): string {
  const keys = Array.from({ length: 200 }, (_, number) => `key ${number}`)
  const spare = new MeshWorld(['a', 'b', 'c', joins])
  const key = keys.find((each) => spare.network.cluster('a').ring.owner(each) === joins)
  if (key === undefined || world.network.cluster('a').ring.has(joins)) throw new Error('no such key')
  return key
}

test('a move that fails as init throws there takes nothing away, also where the owner crashes then', async () => {
  const world = new MeshWorld(['a', 'b', 'c'], {
    each: (system) =>
      system.define(
        'tally',
        brokenOn((peer) => peer === 'd'),
      ),
  })
  await world.pass(20)
  const key = keyFor(world, 'd')
  const ref = new PlacedRef('tally', key)
  const owner = world.network.cluster('a').ring.owner(key) as string
  const other = ['a', 'b', 'c'].find((id) => id !== owner) as string
  await world.until(world.at('a').place('tally', key))
  for (let round = 0; round < 5; round++) await world.until(world.at(other).call(ref, 'inc'))
  await world.pass(1_100)
  world.join('d')
  await world.pass(3_500)
  expect(
    world
      .at(owner)
      .placed()
      .map((placed) => placed.key),
  ).toEqual([key])
  const kept = world.snapshots.values.get(`tally/${key}`)
  expect(kept && unpackRecord(kept)?.snapshot).toBe(5)
  // What it counts from now on is written down too, and not beside what the other wrote before it failed.
  await world.until(world.at(other).call(ref, 'inc'), 5_000)
  await world.pass(3_000)
  const next = world.snapshots.values.get(`tally/${key}`)
  expect(next && unpackRecord(next)).toMatchObject({ snapshot: 6, beside: [] })
  world.network.crash('d')
  world.network.crash(owner)
  await world.pass(20_000)
  expect(await world.until(world.at(other).call(ref, 'count'), 5_000)).toBe(6)
})

test('an init that throws after a crash takes nothing away: the next to be sent to it starts it', async () => {
  let isBroken = false
  const world = new MeshWorld(['a', 'b', 'c'], {
    each: (system) =>
      system.define(
        'tally',
        brokenOn(() => isBroken),
      ),
  })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  const owner = world.network.cluster('a').ring.owner('k') as string
  const other = ['a', 'b', 'c'].find((id) => id !== owner) as string
  await world.until(world.at(other).call(k, 'inc'))
  await world.pass(1_100)
  isBroken = true
  world.network.crash(owner)
  await world.pass(10_000)
  const broken = { type: 'error', message: 'broken here' }
  expect(await world.reasonOf(world.at(other).call(k, 'count'), 5_000)).toMatchObject(broken)
  expect(await world.reasonOf(world.at(other).place('tally', 'k'), 5_000)).toMatchObject(broken)
  isBroken = false
  expect(await world.until(world.at(other).call(k, 'count'), 5_000)).toBe(1)
})

test('what is held back for its turn is not lost when the process crashes meanwhile', async () => {
  const world = new MeshWorld(['a', 'b', 'c'], { each: (system) => system.define('tally', Tally) })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  const owner = world.network.cluster('a').ring.owner('k') as string
  const raw = world.network.join('raw')
  await world.pass(100)
  const replies: unknown[] = []
  raw.receive('placed.reply', ({ call, ok, body }) =>
    replies.push([call, ok ? unpackValue(body) : unpackReason(body).type]),
  )
  raw.receive('placed.moved', () => {})
  const say = (sequence: number, request: string): void => {
    raw.send(owner, {
      type: 'placed.message',
      placed: 'tally',
      key: 'k',
      origin: 'raw',
      sequence,
      hops: 1,
      kind: 'call',
      call: sequence,
      timeout: 0,
      body: packValue(request),
    })
  }
  say(1, 'inc')
  say(5, 'count')
  await world.pass(20)
  say(2, 'crash')
  await world.pass(5_000)
  expect(replies).toEqual([
    [1, 1],
    [2, 'error'],
    [5, 0],
  ])
  replies.splice(0)
  say(6, 'inc')
  say(8, 'inc')
  await world.pass(20)
  say(7, 'stop')
  await world.pass(5_000)
  expect(replies).toEqual([
    [6, 1],
    [7, 'stopping'],
    [8, 'normal'],
  ])
})
