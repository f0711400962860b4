import { expect, test } from 'vitest'
import { packValue } from '../wire/index.js'
import { joinRecords, packRecord } from './placed-record.js'
import { fenced, k } from './testing/fenced.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

/** Until what was counted on both sides is written down, as it is once a second. */
const written = async ({ world }: { world: { pass(milliseconds: number): Promise<void> } }) =>
  world.pass(1_100)

test('what an owner wrote that was cut off is not lost where its page crashes as it is fenced', async () => {
  const { world, other } = await fenced({
    before: written,
    meanwhile: ({ former, network }) => network.crash(former),
  })
  await world.pass(20_000)
  // The next snapshot finds what lies beside the last.
  await world.until(world.at(other).call(k, 'count'), 5_000)
  await world.pass(1_100)
  expect(await world.until(world.at(other).call(k, 'count'))).toBe(2)
})

test('nor where the one in its place crashes too, before it has found it', async () => {
  const { world, other, third } = await fenced({
    before: written,
    meanwhile: ({ former, network }) => network.crash(former),
  })
  await world.pass(20_000)
  const owner = (await world.until(world.at(other).call(k, 'peer'), 5_000)) as string
  world.network.crash(owner)
  await world.pass(20_000)
  const stays = owner === other ? third : other
  expect(await world.until(world.at(stays).call(k, 'count'), 5_000)).toBe(2)
})

test('what was merged of an owner that was thought gone is not merged again when it brings the same', async () => {
  const world = new MeshWorld(['a', 'b'], { each: (system) => system.define('tally', Tally) })
  await world.pass(20)
  await world.until(world.at('a').place('tally', 'k'))
  await world.until(world.at('a').call(k, 'inc'))
  await written({ world })
  const { values } = world.snapshots
  const late = { epoch: 0, owner: 'late', args: undefined, snapshot: 40, handled: 40 }
  values.set('tally/k', joinRecords(values.get('tally/k') as Uint8Array, packRecord(late)))
  await world.until(world.at('a').call(k, 'inc'))
  await written({ world })
  expect(await world.until(world.at('a').call(k, 'count'))).toBe(42)
  const former = world.network.join('late')
  await world.pass(100)
  const owner = (await world.until(world.at('a').call(k, 'peer'))) as string
  const bring = (snapshot: number) => {
    const packed = { args: packValue(undefined), snapshot: packValue(snapshot), sequences: packValue([]) }
    const message = { type: 'placed.take', placed: 'tally', key: 'k', epoch: 0, ...packed } as const
    const taken = new Promise((done) => former.request(owner, message, 1_000, ({ kind }) => done(kind)))
    return world.until(taken)
  }
  expect(await bring(40)).toBe('reply')
  expect(await world.until(world.at('a').call(k, 'count'))).toBe(42)
  expect(await bring(45)).toBe('reply')
  expect(await world.until(world.at('a').call(k, 'count'))).toBe(87)
})

test('a snapshot that no process can merge does not end the one that should for good', async () => {
  let merges = 0
  class Picky extends Tally {
    override merge(): void {
      merges++
      throw new Error('not this')
    }
  }
  const { world, other } = await fenced({
    server: Picky,
    before: written,
    meanwhile: ({ former, network }) => network.crash(former),
  })
  await world.pass(20_000)
  for (let round = 0; round < 5; round++) {
    await world.until(world.at(other).call(k, 'count'), 5_000).catch(() => {})
    await world.pass(1_100)
  }
  expect(merges).toBe(2)
  expect(await world.until(world.at(other).call(k, 'count'))).toBe(1)
})

test.each([false, true])(
  'a fenced process whose handler takes too long is handed on as it was last written down; it fails then: %s',
  async (fails) => {
    const waiting: ((fails: boolean) => void)[] = []
    class Slow extends Tally {
      override async handleCall(request: unknown): Promise<unknown> {
        if (request === 'slow' && (await new Promise<boolean>((resolve) => waiting.push(resolve))))
          throw new Error('as told')
        return super.handleCall(request)
      }
    }
    const { world, other } = await fenced({
      server: Slow,
      before: async ({ world, former }) => {
        await written({ world })
        world
          .at(former)
          .call(k, 'slow')
          .catch(() => {})
        await world.pass(10)
      },
    })
    await world.pass(fails ? 1_000 : 10_000)
    for (const end of waiting) end(fails)
    await world.pass(10_000)
    expect(await world.until(world.at(other).call(k, 'count'))).toBe(2)
  },
)
