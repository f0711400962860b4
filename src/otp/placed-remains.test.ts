import { expect, test } from 'vitest'
import { PlacedRef } from './index.js'
import { fenced, k } from './testing/fenced.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

/** Longer than it is tried to hand on what a fenced process held, so that a time that goes on meanwhile has run out. */
const longSleep = 150_000

test.each([0, 1, 10, 20, 50, 100])(
  'what a fenced process held is handed on also where its page sleeps meanwhile, %i ms after the fence',
  async (delay) => {
    const { world, former, other } = await fenced({})
    await world.pass(delay)
    world.network.freeze(former, longSleep)
    await world.pass(longSleep + 20_000)
    expect(await world.until(world.at(other).call(k, 'count'), 5_000)).toBe(2)
  },
)

test('what a process holds that is fenced before its move has its snapshot is handed on when its handler ends', async () => {
  const waiting: (() => void)[] = []
  class Slow extends Tally {
    override async handleCall(request: unknown): Promise<unknown> {
      if (request === 'slow') await new Promise<void>((resolve) => waiting.push(resolve))
      return super.handleCall(request)
    }
  }
  const world = new MeshWorld(['a', 'b', 'c'], { each: (system) => system.define('tally', Slow) })
  await world.pass(20)
  const keys = Array.from({ length: 20 }, (_, number) => `k${number}`)
  for (const key of keys) await world.until(world.at('a').place('tally', key))
  for (const key of keys) world.at('a').cast(new PlacedRef('tally', key), 'one')
  const ownerOf = (key: string) => world.network.cluster('a').ring.owner(key) as string
  const owners = new Map(keys.map((key) => [key, ownerOf(key)]))
  for (const key of keys)
    world
      .at('a')
      .call(new PlacedRef('tally', key), 'slow', { timeout: 60_000 })
      .catch(() => {})
  await world.pass(20)
  world.join('d')
  await world.pass(500)
  const key = keys.find((some) => ownerOf(some) === 'd') as string
  const former = owners.get(key) as string
  const survivor = ['a', 'b', 'c'].find((id) => id !== former) as string
  const entries = [{ placed: 'tally', key, epoch: 9, process: '99' }]
  world.network.cluster(survivor).send(former, { type: 'placed.at', entries })
  await world.pass(50)
  for (const go of waiting) go()
  await world.pass(5_000)
  expect(await world.until(world.at('a').call(new PlacedRef('tally', key), 'count'), 5_000)).toBe(2)
})

test('a page that leaves waits until what its fenced process held has been handed on', async () => {
  const { world, former, other } = await fenced({})
  world.network.leave(former)
  await world.pass(20_000)
  expect(world.network.cluster(former).running).toBe(false)
  expect(await world.until(world.at(other).call(k, 'count'), 5_000)).toBe(2)
})

test('also where the last of its processes is fenced when it leaves', async () => {
  const { world, former, other } = await fenced({ meanwhile: ({ former, network }) => network.leave(former) })
  await world.pass(20_000)
  expect(world.network.cluster(former).running).toBe(false)
  expect(await world.until(world.at(other).call(k, 'count'), 5_000)).toBe(2)
})
