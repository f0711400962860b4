import { expect, test } from 'vitest'
import { Answers } from './answers.js'
import { type ExitError, PlacedRef } from './index.js'
import { KeptMessages } from './kept-messages.js'
import { MeshWorld } from './testing/mesh-world.js'
import { Probe } from './testing/world.js'

const mebibyte = 1024 * 1024

class Long extends Probe {
  override handleCall(length: unknown) {
    return 'x'.repeat(Number(length))
  }
}

/** Two peers, the way from `b` to `a` being so slow that a queue of answers stands before it. */
async function slow() {
  const world = new MeshWorld(['a', 'b'], {
    bandwidth: 100_000,
    each: (system) => system.define('long', Long),
  })
  await world.pass(20)
  const [a, b] = [world.at('a'), world.at('b')]
  await world.until(b.place('long', keyOf(world, 'b')))
  return {
    world,
    a,
    b,
    ref: await world.until(b.start(Long)),
    placed: new PlacedRef('long', keyOf(world, 'b')),
  }
}

function keyOf(world: MeshWorld, owner: string): string {
  const { ring } = world.network.cluster('a')
  return Array.from({ length: 100 }, (_, key) => `${key}`).find((key) => ring.owner(key) === owner) as string
}

/** How a call ended: how long its answer is, or why there is none. */
async function ended(call: Promise<unknown>): Promise<unknown> {
  try {
    return String(await call).length
  } catch (error) {
    const { reason } = error as ExitError
    return reason.type === 'error' ? reason.name : reason.type
  }
}

test.each(['a process', 'a placed process'])(
  'answers of %s that find the queue to their caller full come when there is room, or as a refusal',
  async (kind) => {
    const { world, a, ref, placed } = await slow()
    const target = kind === 'a process' ? ref : placed
    const calls = Array.from({ length: 8 }, () => ended(a.call(target, 6 * mebibyte, { timeout: 60_000 })))
    const outcomes = await world.until(Promise.all(calls), 10_000)
    // Three fill the queue, one is kept, as that may be as long as a queue, and of the others that is told.
    expect(outcomes).toEqual([...Array(4).fill(6 * mebibyte), ...Array(4).fill('QueueFull')])
  },
)

test.each(['a process', 'a placed process'])(
  'an answer of %s that is longer than a message may be fails its call',
  async (kind) => {
    const { world, a, ref, placed } = await slow()
    const target = kind === 'a process' ? ref : placed
    expect(await world.until(ended(a.call(target, 9 * mebibyte, { timeout: 60_000 })), 10_000)).toBe(
      'TooLarge',
    )
    expect(await world.until(ended(a.call(target, 1)))).toBe(1)
  },
)

test.each(['a process', 'a placed process'])(
  'a request to %s that is longer than a message may be fails its call',
  async (kind) => {
    const { world, a, ref, placed } = await slow()
    const target = kind === 'a process' ? ref : placed
    expect(await world.until(ended(a.call(target, 'x'.repeat(9 * mebibyte))))).toBe('TooLarge')
  },
)

test('answers that are kept for a peer go with it, and with the page', async () => {
  const { world } = await slow()
  const kept = new KeptMessages(world.network.cluster('b'))
  const answers = new Answers(world.network.cluster('b'), kept)
  const answer = { type: 'process.reply', call: 1, body: new Uint8Array(6 * mebibyte) } as const
  const fill = (peer: string) => {
    for (let call = 0; call < 8; call++)
      answers.send(peer, answer, () => ({ ...answer, body: new Uint8Array() }))
    expect(kept.size).toBe(5)
  }
  fill('a')
  world.network.crash('a')
  await world.pass(10_000)
  expect(kept.size).toBe(0)
  world.join('c')
  await world.pass(100)
  fill('c')
  kept.close()
  expect(kept.size).toBe(0)
  await world.pass(1_000)
  expect(kept.size).toBe(0)
})
