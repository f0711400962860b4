import { expect, test } from 'vitest'
import { PlacedRef } from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

test('what has left no record is forgotten everywhere, and nobody is told of it for ever', async () => {
  let told = 0
  const world = new MeshWorld(['a', 'b', 'c', 'd'], {
    each: (system) => system.define('tally', Tally),
    onMessage: (_from, _to, { type }) => {
      if (type === 'placed.gone') told++
    },
  })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  await world.pass(1_100)
  world.snapshots.values.clear()
  world.network.crash(world.network.cluster('a').ring.owner('k') as string)
  await world.pass(30_000)
  told = 0
  await world.pass(60_000)
  expect(told).toBe(0)
})

test('the numbers of messages are forgotten of what nobody sends to any more', async () => {
  const sent = new Map<string, number[]>()
  const world = new MeshWorld(['a', 'b'], {
    each: (system, id) => {
      if (id === 'b') system.define('tally', Tally)
    },
    encode: false,
    onMessage: (_from, _to, message) => {
      if (message.type !== 'placed.message') return
      sent.set(message.key, [...(sent.get(message.key) ?? []), message.sequence])
    },
  })
  await world.pass(20)
  const say = async (key: string) => {
    world.at('a').cast(new PlacedRef('tally', key), 'one')
    await world.pass()
  }
  await say('first')
  await say('first')
  for (let number = 0; number < 5_000; number++)
    world.at('a').cast(new PlacedRef('tally', `${number}`), 'one')
  await world.pass(20)
  await say('first')
  for (let number = 0; number < 10_000; number++)
    world.at('a').cast(new PlacedRef('tally', `${number}`), 'one')
  await world.pass(20)
  await say('first')
  expect(sent.get('first')).toEqual([0, 1, 2, 0])
})
