import { expect, type Peer, type Tab, test } from 'ringmesh/playwright'
import type * as Ringmesh from '../src/index.js'
import { measured } from './support/measured.js'

/** The package, as every page and every edge worker of the fixture has it. */
declare const ringmesh: typeof Ringmesh

/** Processes that are placed, as in the issue. */
const placed = 200

/** A counter that says where it runs, and writes down each count that it was asked to snapshot. */
function defineTally(mesh: Ringmesh.Mesh): void {
  class Tally extends ringmesh.GenServer {
    #count = 0
    override init(_args: unknown, snapshot?: number) {
      this.#count = snapshot ?? 0
    }
    override handleCall(request: unknown) {
      return { count: request === 'add' ? ++this.#count : this.#count, by: mesh.id }
    }
    override snapshot() {
      return this.#count
    }
  }
  mesh.define('tally', Tally, { snapshotEvery: 100 })
}

interface Answer {
  readonly count: number
  readonly by: string
}

/** Asks every process once, from one peer. */
function askAll(from: Peer, request: 'add' | 'count'): Promise<Answer[]> {
  return from.evaluate(
    async (mesh, { placed, request }) =>
      Promise.all(
        Array.from({ length: placed }, async (_, index) => {
          const process = await mesh.place('tally', `key-${index}`)
          return (await ringmesh.call(process, request, { timeout: 20_000 })) as Answer
        }),
      ),
    { placed, request },
  )
}

test('200 placed processes over four tabs and an edge: one tab crashes, and all answer again with what they had counted', async ({
  cluster,
}, testInfo) => {
  const edge = await cluster.edge()
  const [first, second, third, victim] = await cluster.tabs(4)
  const all = [edge, first, second, third, victim]
  for (const peer of all) await peer.evaluate(defineTally)
  await askAll(first, 'add')
  await askAll(second, 'add')
  const before = await askAll(third, 'add')
  expect(before.map(({ count }) => count)).toEqual(Array.from({ length: placed }, () => 3))
  expect(new Set(before.map(({ by }) => by))).toEqual(new Set(all.map(({ id }) => id)))
  const lost = before.filter(({ by }) => by === victim.id).length

  // A snapshot is due 100 ms after a call; those of the last calls are written when no request is left.
  await expect
    .poll(async () => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return Promise.all(all.map((peer) => peer.evaluate((mesh) => mesh.stats().requests)))
    })
    .toEqual(all.map(() => 0))

  const start = Date.now()
  await victim.crash()
  // Calls do not wait until the crash is known: they are asked again until every one has answered.
  let after: Answer[] = []
  await expect(async () => {
    after = await askAll(first, 'count')
  }).toPass({ intervals: [20], timeout: 30_000 })
  const took = Date.now() - start
  expect(after.map(({ count }) => count)).toEqual(before.map(({ count }) => count))
  for (const { by } of after) expect(by).not.toBe(victim.id)
  measured(
    testInfo,
    `renderer crash to ${placed} processes answering`,
    `${took} ms, ${lost} of them were on it`,
  )

  // And no second copy counts elsewhere: one more call to each is one more for everybody.
  expect((await askAll(second, 'add')).map(({ count }) => count)).toEqual(
    before.map(({ count }) => count + 1),
  )
  expect((await askAll(edge, 'count')).map(({ count }) => count)).toEqual(
    before.map(({ count }) => count + 1),
  )
})

/** What answers under a name, asked from a tab. */
function callName(from: Tab, name: string): Promise<unknown> {
  return from.evaluate((_mesh, to) => ringmesh.call(to, 'who'), name)
}

test('a name that was started in one tab is found from the others at once, and goes with its tab', async ({
  cluster,
}) => {
  const [first, second, third] = await cluster.tabs(3)
  await second.evaluate(async (mesh) => {
    class Greeter extends ringmesh.GenServer {
      override handleCall() {
        return `I am ${mesh.id}`
      }
    }
    await ringmesh.start(Greeter, { name: 'greeter' })
  })
  for (const tab of [first, second, third]) expect(await callName(tab, 'greeter')).toBe(`I am ${second.id}`)
  await second.crash()
  await cluster.settled()
  await expect.poll(() => first.evaluate(() => ringmesh.whereis('greeter') === undefined)).toBe(true)
  await expect(callName(third, 'greeter')).rejects.toThrow('no such process')
})
