import { expect, test } from 'vitest'
import { PlacedRef } from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

/** Longer than it is tried to hand on what a fenced process held, so that a time that goes on meanwhile has run out. */
const longSleep = 150_000

const k = new PlacedRef('tally', 'k')

/** A mesh in which `k` was counted on both sides of a partition, the moment the former of the two is fenced. */
async function fenced() {
  let onFenced = (): void => {}
  const world = new MeshWorld(['a', 'b', 'c'], {
    each: (system) => system.define('tally', Tally),
    trace: (_, event) => {
      if (event === 'placed.fence') onFenced()
    },
  })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  await world.pass(1_100)
  const former = world.network.cluster('a').ring.owner('k') as string
  const [other, third] = ['a', 'b', 'c'].filter((id) => id !== former) as [string, string]
  world.network.partition([[former], [other, third]])
  await world.pass(10_000)
  await world.until(world.at(former).call(k, 'inc'), 5_000)
  await world.until(world.at(other).call(k, 'inc'), 5_000)
  const happened = new Promise<void>((resolve) => {
    onFenced = resolve
  })
  world.network.heal()
  await world.until(happened, 20_000)
  return { world, former, other, third }
}

test.each([0, 1, 10, 20, 50, 100])(
  'what a fenced process held is handed on also where its page sleeps meanwhile, %i ms after the fence',
  async (delay) => {
    const { world, former, other } = await fenced()
    await world.pass(delay)
    world.network.freeze(former, longSleep)
    await world.pass(longSleep + 20_000)
    expect(await world.until(world.at(other).call(k, 'count'), 5_000)).toBe(2)
  },
)

test('a page that leaves waits until what its fenced process held has been handed on', async () => {
  const { world, former, other } = await fenced()
  world.network.leave(former)
  await world.pass(20_000)
  expect(world.network.cluster(former).running).toBe(false)
  expect(await world.until(world.at(other).call(k, 'count'), 5_000)).toBe(2)
})
