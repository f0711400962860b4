import { afterEach, expect, test } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import { type ProcessRef, Supervisor } from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

let pull = (): void => {}
afterEach(() => {
  pull()
  pull = () => {}
})

const three = () => new MeshWorld(['a', 'b', 'c'])

test('once start resolves, the name is found on every peer', async () => {
  const world = three()
  const ref = await world.until(world.at('a').start(Tally, { name: 'tally' }))
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis('tally')).toEqual(ref)
  expect(await world.until(world.at('c').call('tally', 'inc'))).toBe(1)
})

test('a taken name is refused on every peer, with its holder', async () => {
  const world = three()
  const ref = await world.until(world.at('a').start(Tally, { name: 'tally' }))
  for (const id of ['a', 'b', 'c']) {
    const again = world.at(id).start(Tally, { name: 'tally' })
    expect(await world.reasonOf(again)).toMatchObject({ type: 'already_started', ref: { ...ref } })
  }
})

test('of many starts at once with one name, one succeeds', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new MeshWorld(['a', 'b', 'c', 'd', 'e'], {
      seed,
      delay: (from, to) => 1 + (((from < to ? 7 : 3) * seed) % 11),
    })
    const starts = world.running.map((system) =>
      system.start(Tally, { name: 'one' }).then(
        () => 1,
        () => 0,
      ),
    )
    const won = await world.until(Promise.all(starts), 20_000)
    expect(won.reduce((sum, each) => sum + each, 0)).toBe(1)
  }
})

test('a name is free right after stop, from any peer', async () => {
  const world = three()
  let holder = 'a'
  await world.until(world.at(holder).start(Tally, { name: 'hot' }))
  for (const next of ['b', 'c', 'a', 'c', 'b']) {
    await world.until(world.at(next).stop('hot'))
    await world.until(world.at(next).start(Tally, { name: 'hot' }))
    holder = next
    expect(world.at('a').whereis('hot')?.peer).toBe(holder)
  }
})

test('planted bug, a name freed late: starting again right after stop is refused', async () => {
  pull = plantBug('name-freed-late')
  const world = three()
  await world.until(world.at('a').start(Tally, { name: 'hot' }))
  await world.until(world.at('a').stop('hot'))
  expect(world.at('a').whereis('hot')).toBeDefined()
})

test('who hears of the next holder before it hears of the end of the last one knows the next', async () => {
  const world = new MeshWorld(['a', 'b', 'c'], {
    delay: (from, to) => (from === 'a' && to === 'c' ? 200 : 2),
  })
  await world.until(world.at('a').start(Tally, { name: 'hot' }))
  await world.until(world.at('b').stop('hot'))
  const next = await world.until(world.at('b').start(Tally, { name: 'hot' }))
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis('hot')).toEqual(next)
  await world.pass(1_000)
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis('hot')).toEqual(next)
})

test('names of dead peers go with them, and of those that leave', async () => {
  const world = three()
  await world.until(world.at('b').start(Tally, { name: 'on b' }))
  await world.until(world.at('c').start(Tally, { name: 'on c' }))
  world.network.crash('b')
  world.network.leave('c')
  await world.pass(10_000)
  expect(world.at('a').names()).toEqual([])
  await world.until(world.at('a').start(Tally, { name: 'on b' }))
})

test('a peer that joins knows all names when it is alive', async () => {
  const world = three()
  for (let number = 0; number < 1_500; number++) void world.at('a').start(Tally, { name: `name ${number}` })
  await world.pass(1_000)
  const late = world.join('d')
  await world.pass(1_000)
  expect(late.names()).toHaveLength(1_500)
  expect(late.names()).toEqual(world.at('b').names())
})

test('a name moves on to the supervised process that is started again, everywhere', async () => {
  const world = three()
  await world.until(Supervisor.start(world.at('a'), { children: [{ id: 'x', start: [Tally], name: 'x' }] }))
  const first = world.at('c').whereis('x') as ProcessRef
  world.at('c').exit('x', 'killed')
  await world.pass(100)
  const second = world.at('c').whereis('x')
  expect(second).toBeDefined()
  expect(second).not.toEqual(first)
})

async function bothSides() {
  const world = new MeshWorld(['a', 'b', 'c', 'd'])
  const log: string[] = []
  world.network.partition([
    ['a', 'b'],
    ['c', 'd'],
  ])
  await world.pass(10_000)
  const args = { log }
  const left = await world.until(world.at('b').start(Tally, { name: 'twice', args }), 10_000)
  const right = await world.until(world.at('c').start(Tally, { name: 'twice', args }), 10_000)
  return { world, log, left, right }
}

test('after a partition with the name on both sides one survives, the same for all, and the loser is told and stopped', async () => {
  const { world, log, left, right } = await bothSides()
  world.network.heal()
  await world.pass(10_000)
  const found = world.running.map((system) => system.whereis('twice'))
  expect(new Set(found.map((ref) => `${ref?.peer}/${ref?.id}`)).size).toBe(1)
  expect(log).toEqual(['name_conflict'])
  expect([world.at('b').alive(left), world.at('c').alive(right)].filter(Boolean)).toHaveLength(1)
})

test('the loser’s snapshot is merged into the survivor before it stops', async () => {
  const { world } = await bothSides()
  for (let round = 0; round < 3; round++) await world.until(world.at('a').call('twice', 'inc'))
  for (let round = 0; round < 4; round++) await world.until(world.at('d').call('twice', 'inc'))
  world.network.heal()
  await world.pass(10_000)
  expect(await world.until(world.at('a').call('twice', 'count'))).toBe(7)
})

test('a supervisor whose child lost its name does not fight for it', async () => {
  const world = new MeshWorld(['a', 'b'])
  world.network.partition([['a'], ['b']])
  await world.pass(10_000)
  const child = { id: 'x', start: [Tally] as const, name: 'x' }
  const trees = await Promise.all([
    world.until(Supervisor.start(world.at('a'), { children: [child] }), 10_000),
    world.until(Supervisor.start(world.at('b'), { children: [child] }), 10_000),
  ])
  world.network.heal()
  await world.pass(20_000)
  expect(trees.map((tree) => tree.children().map(({ state }) => state))).toEqual([['running'], ['stopped']])
})

test('20 bounces of a peer: as many processes as names, and nothing grows', async () => {
  const world = three()
  for (let round = 0; round < 20; round++) {
    const id = `bounce${round}`
    const system = world.join(id)
    await world.pass(100)
    await world.until(system.start(Tally, { name: 'bouncing' }), 10_000)
    if (round % 2 === 0) world.network.crash(id)
    else world.network.leave(id)
    await world.pass(10_000)
    expect(world.at('a').names()).toEqual([])
  }
  expect(world.running.map(({ size }) => size)).toEqual([0, 0, 0])
})
