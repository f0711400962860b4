import { expect, test } from 'vitest'
import { type PlantedBug, seededRandom } from '../runtime/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import { PlacedRef } from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

type Fault = 'join' | 'leave' | 'crash' | 'split' | 'freeze' | 'suspect'

/** Runs a mesh through faults drawn from a seed; gives what each key should be at least, and the world at rest. */
async function storm(seed: number, faults: readonly Fault[], keyCount = 12, rounds = 10) {
  const random = seededRandom(`storm ${seed}`)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const world = new MeshWorld(['a', 'b', 'c', 'd', 'e'], {
    seed,
    delay: (from, to) => 2 + ((from.charCodeAt(0) * 7 + to.charCodeAt(0) * 3) % 20),
    each: (system) => system.define('tally', Tally),
  })
  const keys = Array.from({ length: keyCount }, (_, n) => `key ${n}`)
  const acknowledged = new Map(keys.map((key) => [key, 0]))
  const attempted = new Map(keys.map((key) => [key, 0]))
  for (const key of keys) await world.until(world.at('a').place('tally', key), 12_000)
  /** Keys and epochs that answered, with the peer: one peer for each. */
  const answered = new Map<string, string>()
  /** The latest epoch of each key that was ever seen. */
  const latest = new Map<string, number>()
  let divided = false
  let fresh = 0

  const check = (): void => {
    for (const { self } of world.network.running) {
      for (const { key, epoch, ref } of world.at(self).placed()) {
        if (ref === undefined) continue
        // Two sides that cannot hear each other may draw the same number; the owner's id then tells them apart.
        const name = divided ? `${key} ${epoch} ${self}` : `${key} ${epoch}`
        const before = answered.get(name)
        if (before !== undefined && before !== self) throw new Error(`${name} on ${before} and ${self}`)
        answered.set(name, self)
        latest.set(key, Math.max(epoch, latest.get(key) ?? 0))
      }
    }
  }
  const work = (): void => {
    for (const key of keys) {
      const system = pick(world.running)
      attempted.set(key, (attempted.get(key) ?? 0) + 1)
      system.call(new PlacedRef('tally', key), 'inc', { timeout: 3_000 }).then(
        () => acknowledged.set(key, (acknowledged.get(key) ?? 0) + 1),
        () => {},
      )
    }
  }

  for (let round = 0; round < rounds; round++) {
    const fault = pick(faults)
    const ids = world.network.running.map(({ self }) => self)
    const others = ids.filter((id) => id !== 'a')
    if (fault === 'join' && ids.length < 8) world.join(`n${fresh++}`)
    if (fault === 'leave' && others.length > 2) world.network.leave(pick(others))
    if (fault === 'crash' && others.length > 2) world.network.crash(pick(others))
    if (fault === 'freeze') world.network.freeze(pick(others), 500 + random() * 4_000)
    if (fault === 'suspect') world.network.suspect(pick(others), ids, 1_000)
    if (fault === 'split') {
      divided = true
      const left = ids.filter(() => random() < 0.5)
      world.network.partition([left, ids.filter((id) => !left.includes(id))])
    }
    for (let step = 0; step < 8; step++) {
      work()
      await world.pass(50 + random() * 400)
      check()
    }
    if (divided && random() < 0.5) world.network.heal()
  }
  world.network.heal()
  await world.pass(40_000)
  check()
  return { world, keys, acknowledged, attempted, latest }
}

type Storm = Awaited<ReturnType<typeof storm>>

/** Every key runs once, in its latest epoch, where the ring says; and every peer that asks is answered by it. */
async function expectOneEach({ world, keys, latest }: Storm): Promise<void> {
  for (const { self } of world.network.running) {
    for (const { key, epoch } of world.at(self).placed())
      expect(epoch).toBeGreaterThanOrEqual(latest.get(key) ?? 0)
  }
  const ring = world.network.cluster('a').ring
  const found = world.network.running.flatMap(({ self }) =>
    world
      .at(self)
      .placed()
      .map(({ key }) => `${key} on ${self}`),
  )
  expect(found.sort()).toEqual(keys.map((key) => `${key} on ${ring.owner(key)}`).sort())
  for (const key of keys) {
    const answers = world.running.map((system) => system.call(new PlacedRef('tally', key), 'peer'))
    expect(new Set(await world.until(Promise.all(answers), 5_000)).size).toBe(1)
  }
}

/** Every count that was answered is there; one that was not, as its caller left, may be there or not. */
async function expectNothingLost({ world, acknowledged, attempted }: Storm): Promise<void> {
  for (const [key, least] of acknowledged) {
    const count = await world.until(world.at('a').call(new PlacedRef('tally', key), 'count'))
    expect(count).toBeGreaterThanOrEqual(least)
    expect(count).toBeLessThanOrEqual(attempted.get(key) ?? 0)
  }
}

const seeds = (count: number) => Array.from({ length: count }, (_, n) => n)

test.each(seeds(8))(
  'joins and leaves, seed %i: one process each, and no acknowledged count lost',
  async (seed) => {
    const result = await storm(seed, ['join', 'leave', 'suspect'])
    await expectOneEach(result)
    await expectNothingLost(result)
  },
  30_000,
)

test.each(seeds(8))(
  'crashes and freezes, seed %i: one process each when the view has settled',
  async (seed) => {
    await expectOneEach(await storm(seed, ['join', 'crash', 'freeze', 'leave']))
  },
  30_000,
)

test.each(seeds(8))(
  'all faults, seed %i: one process each when the view has settled',
  async (seed) => {
    await expectOneEach(await storm(seed, ['join', 'leave', 'crash', 'split', 'freeze', 'suspect']))
  },
  30_000,
)

/** Whether one of the first seeds finds the bug: an invariant broken in a storm, or a wrong state after it. */
async function found(
  bug: PlantedBug,
  faults: readonly Fault[],
  sound: (result: Storm) => Promise<void>,
): Promise<boolean> {
  const pull = plantBug(bug)
  try {
    for (let seed = 0; seed < 20; seed++) {
      try {
        await sound(await storm(seed, faults))
      } catch {
        return true
      }
    }
    return false
  } finally {
    pull()
  }
}

test('planted bug, no epoch check, is found by the storms', async () => {
  expect(await found('no-epoch-check', ['split', 'freeze'], expectOneEach)).toBe(true)
})

test('planted bug, stop before the acknowledgement, is found by the storms', async () => {
  expect(await found('stop-before-ack', ['join', 'leave'], expectNothingLost)).toBe(true)
})

test('nothing grows: after many rounds of faults no call, process or name is left over', async () => {
  const { world, keys } = await storm(99, ['join', 'crash', 'leave', 'freeze'], 6, 30)
  for (const key of keys) await world.until(world.at('a').stop(new PlacedRef('tally', key)), 5_000)
  await world.pass(10_000)
  for (const system of world.running) {
    expect([system.size, system.waitingCalls, system.names().length, system.placed().length]).toEqual([
      0, 0, 0, 0,
    ])
  }
  expect(world.snapshots.values.size).toBe(0)
})
