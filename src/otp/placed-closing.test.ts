import { expect, test } from 'vitest'
import { PlacedRef } from './index.js'
import { fenced } from './testing/fenced.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

test('a place that waits is refused when its page closes', async () => {
  const world = new MeshWorld(['a', 'b'])
  await world.pass(20)
  const placing = world.at('a').place('nobody', 'k')
  placing.catch(() => {})
  await world.pass(100)
  world.at('a').close()
  expect(await world.reasonOf(placing, 100)).toEqual({ type: 'shutdown' })
  expect(await world.reasonOf(world.at('a').place('nobody', 'k'), 100)).toEqual({ type: 'shutdown' })
})

test.each([0, 3, 9_990, 10_002])(
  'nothing starts on a page that has closed, %i ms after a crash of an owner',
  async (delay) => {
    const started: string[] = []
    class Watched extends Tally {
      override init(args: undefined, snapshot: number | undefined): void {
        started.push(this.self.peer)
        super.init(args, snapshot)
      }
    }
    const world = new MeshWorld(['a', 'b', 'c'], { each: (system) => system.define('tally', Watched) })
    await world.pass(20)
    const keys = Array.from({ length: 30 }, (_, number) => `k${number}`)
    for (const key of keys) await world.until(world.at('a').place('tally', key))
    await world.pass(1_100)
    world.network.crash('c')
    await world.pass(delay)
    world.at('a').close()
    started.splice(0)
    for (const key of keys)
      world
        .at('a')
        .call(new PlacedRef('tally', key), 'inc')
        .catch(() => {})
    for (const key of keys) world.at('b').cast(new PlacedRef('tally', key), 'one')
    await world.pass(60_000)
    expect(started.filter((peer) => peer === 'a')).toEqual([])
    expect(world.at('a').placed()).toEqual([])
  },
)

test('what cannot be handed on any more is let go when its page closes', async () => {
  const { world, former } = await fenced({ meanwhile: ({ former, network }) => network.mute([former]) })
  const { runtime } = world.network.cluster(former)
  world.at(former).close()
  await world.pass(20_000)
  let later = 0
  const set = runtime.timer
  Object.assign(runtime, {
    timer: (delay: number, fire: () => void) => {
      later++
      return set(delay, fire)
    },
  })
  await world.pass(60_000)
  expect(later).toBe(0)
})
