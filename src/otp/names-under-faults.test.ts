import { expect, test } from 'vitest'
import type { Message } from '../wire/index.js'
import { GenServer } from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

/** A name whose ring owner is `peer`. */
function ownedBy(world: MeshWorld, peer: string): string {
  const { ring } = world.network.cluster('a')
  for (let number = 0; number < 1_000; number++)
    if (ring.owner(`name ${number}`) === peer) return `name ${number}`
  throw new Error(`${peer} owns nothing`)
}

test('a start that one peer does not answer, though it seems well, ends with a time-out, and nobody keeps the name', async () => {
  const world = new MeshWorld(['a', 'b', 'c'])
  const name = ownedBy(world, 'b')
  world.network.freeze('c', 20_000)
  const reason = await world.reasonOf(world.at('a').start(Tally, { name }), 30_000)
  expect(reason).toEqual({ type: 'timeout', after: 8_000 })
  await world.pass(20_000)
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis(name)).toBeUndefined()
  expect(world.at('a').size).toBe(0)
  const next = await world.until(world.at('b').start(Tally, { name }))
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis(name)).toEqual(next)
})

test('a start waits for no peer that is suspect', async () => {
  const world = new MeshWorld(['a', 'b', 'c'])
  const name = ownedBy(world, 'b')
  world.network.crash('c')
  const ref = await world.until(world.at('a').start(Tally, { name }), 4_500)
  expect(world.at('b').whereis(name)).toEqual(ref)
})

test('a start whose ring owner is silent asks the next one', async () => {
  const world = new MeshWorld(['a', 'b', 'c'])
  const name = ownedBy(world, 'c')
  world.network.crash('c')
  const [first, second] = [world.at('a'), world.at('b')].map((system) => system.start(Tally, { name }))
  const outcomes = await world.until(Promise.allSettled([first, second]), 10_000)
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('an answer that is seconds late is an answer', async () => {
  const world = new MeshWorld(['a', 'b', 'c'], {
    delay: (from, to) => ((from === 'a' && to === 'c') || (from === 'c' && to === 'a') ? 1_500 : 2),
  })
  const name = ownedBy(world, 'b')
  await world.until(world.at('a').start(Tally, { name }), 4_000)
  expect(world.at('c').whereis(name)).toBeDefined()
})

test('who has stopped a process may start under its name, also where the owner of the name cannot hear of the end', async () => {
  let isSlow = false
  const world = new MeshWorld(['a', 'b', 'c'], {
    delay: (from, to) => (isSlow && from === 'a' && to === 'c' ? 10_000 : 2),
  })
  const name = ownedBy(world, 'c')
  await world.until(world.at('a').start(Tally, { name }))
  isSlow = true
  await world.until(world.at('b').stop(name))
  const next = await world.until(world.at('b').start(Tally, { name }), 8_000)
  expect(world.at('b').whereis(name)).toEqual(next)
  await world.pass(20_000)
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis(name)).toEqual(next)
  expect(world.at('b').alive(next)).toBe(true)
})

test('a name that was freed while its page held another for dead is free there too when they meet', async () => {
  const world = new MeshWorld(['a', 'b', 'c'])
  const ref = await world.until(world.at('a').start(Tally, { name: 'hot' }))
  world.network.mute(['c'])
  await world.pass(10_000)
  // Nobody hears c any more; c has noticed nothing.
  expect(world.at('c').whereis('hot')).toEqual(ref)
  world.at('a').exit('hot', 'killed')
  await world.pass(1_000)
  world.network.heal()
  await world.pass(10_000)
  expect(world.at('c').whereis('hot')).toBeUndefined()
})

test('a late announcement of a name whose process has ended does not end the one that has it now', async () => {
  let isSlow = false
  const log: string[] = []
  const world = new MeshWorld(['a', 'b', 'c'], {
    delay: (from, to) => (isSlow && from === 'a' && to === 'c' ? 3_000 : 2),
  })
  const name = ownedBy(world, 'b')
  isSlow = true
  const first = world.at('a').start(Tally, { name })
  await world.pass(100)
  world.at('b').exit(name, 'killed')
  await world.pass(100)
  const next = await world.until(world.at('c').start(Tally, { name, args: { log } }), 8_000)
  expect(await world.reasonOf(first, 10_000)).toEqual({ type: 'killed' })
  await world.pass(20_000)
  for (const id of ['a', 'b', 'c']) expect(world.at(id).whereis(name)).toEqual(next)
  expect(log).toEqual([])
})

test('a start resolves only when those that came while init ran know the name', async () => {
  const world = new MeshWorld(['a', 'b'], { delay: (from, to) => (from === 'a' && to === 'late' ? 300 : 2) })
  class Slow extends GenServer {
    override async init(): Promise<void> {
      await new Promise<void>((resolve) => world.time.timer(1_000, resolve))
    }
  }
  const start = world.at('a').start(Slow, { name: 'slow' })
  await world.pass(950)
  const late = world.join('late')
  const ref = await world.until(start, 10_000)
  expect(late.whereis('slow')).toEqual(ref)
})

test('a process killed while its start waits for its name ends the start, and nobody keeps the name', async () => {
  const world = new MeshWorld(['a', 'b', 'c'], { delay: 100 })
  const start = world.at('a').start(Tally, { name: 'brief' })
  await world.pass(350)
  const ref = world.at('a').whereis('brief')
  if (ref === undefined) throw new Error('it has no name yet')
  world.at('a').exit(ref, 'killed')
  expect(await world.reasonOf(start)).toEqual({ type: 'killed' })
  await world.pass(5_000)
  for (const id of ['a', 'b', 'c']) expect(world.at(id).names()).toEqual([])
})

test('a newcomer whose first contact does not answer asks another before it takes part', async () => {
  const world = new MeshWorld(['a', 'b', 'c'])
  await world.until(world.at('c').start(Tally, { name: 'known' }))
  world.network.freeze('a', 20_000)
  const late = world.join('d')
  await world.pass(3_000)
  expect(late.whereis('known')).toEqual(world.at('c').whereis('known'))
})

test('an older word of a page, that comes after what was heard of it from another, ends nothing for good', async () => {
  const world = new MeshWorld(['a', 'b'])
  const ref = await world.until(world.at('a').start(Tally, { name: 'known' }))
  const a = world.network.cluster('a')
  // As where the page had no names when it said so, and the other told of one meanwhile.
  const roster: Message = { type: 'process.roster', after: null, names: [], more: false, wants: false }
  a.request('b', roster, 1_000, () => {})
  await world.pass(100)
  expect(world.at('b').whereis('known')).toBeUndefined()
  a.request('b', { type: 'process.names', names: [{ name: 'known', process: ref.id }] }, 1_000, () => {})
  await world.pass(100)
  expect(world.at('b').whereis('known')).toEqual(ref)
})
