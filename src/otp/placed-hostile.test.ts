import { expect, test } from 'vitest'
import { type Message, packValue, unpackValue } from '../wire/index.js'
import { PlacedRef } from './index.js'
import { unpackReason } from './packed-reason.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

const k = new PlacedRef('tally', 'k')
const garbage = new Uint8Array([0xc1, 0xff])

/** A mesh in which a member says what it likes to the owner of `k`, and what it is answered. */
async function lying({ isPlaced = true } = {}) {
  const world = new MeshWorld(['a', 'b', 'c'], { each: (system) => system.define('tally', Tally) })
  await world.pass(20)
  if (isPlaced) await world.until(world.at('a').place('tally', 'k'))
  const owner = world.network.cluster('a').ring.owner('k') as string
  const other = ['a', 'b', 'c'].find((id) => id !== owner) as string
  const liar = world.network.join('liar')
  await world.pass(100)
  const replies: unknown[] = []
  liar.receive('placed.reply', ({ call, ok, body }) =>
    replies.push([call, ok ? unpackValue(body) : unpackReason(body).type]),
  )
  const call = (sequence: number, body: Uint8Array<ArrayBuffer>): Message => ({
    type: 'placed.message',
    placed: 'tally',
    key: 'k',
    origin: 'liar',
    sequence,
    hops: 1,
    kind: 'call',
    call: sequence + 1,
    timeout: 0,
    body,
  })
  const say = (message: Message): void => void liar.send(owner, message)
  return { world, owner, other, liar, replies, call, say }
}

test.each([
  ['arguments', { args: garbage }],
  ['a snapshot', { snapshot: garbage }],
  ['numbers', { sequences: garbage }],
  ['numbers that are none', { sequences: packValue([[1, 'b'], 7]) }],
])('a process that is handed over with %s that cannot be read leaves nothing behind', async (_, wrong) => {
  const { world, owner, other, liar } = await lying({ isPlaced: false })
  const packed = { args: packValue(undefined), snapshot: packValue(1), sequences: packValue([]) }
  const message = { type: 'placed.take', placed: 'tally', key: 'k', epoch: 3, ...packed, ...wrong } as const
  const asked = new Promise((done) => liar.request(owner, message, 2_000, ({ kind }) => done(kind)))
  expect(await world.until(asked, 3_000)).toBe('refused')
  await world.until(world.at(other).place('tally', 'k'))
  expect(await world.until(world.at(other).call(k, 'inc'))).toBe(1)
})

test('a call that cannot be read is refused, and those after it are not', async () => {
  const { world, other, replies, call, say } = await lying()
  say(call(0, packValue('inc')))
  // Held back for its turn, and let go by a timer.
  say(call(3, garbage))
  say(call(4, packValue('inc')))
  await world.pass(5_000)
  expect(replies).toEqual([
    [1, 1],
    [4, 'error'],
    [5, 2],
  ])
  expect(await world.until(world.at(other).call(k, 'count'))).toBe(2)
})

test('one that waits for the start and cannot be read keeps nobody else waiting', async () => {
  const { world, owner, other, replies, call, say } = await lying()
  await world.pass(1_100)
  say(call(0, packValue('crash')))
  say(call(1, garbage))
  say(call(2, packValue('inc')))
  await world.pass(5_000)
  expect(replies).toHaveLength(3)
  expect(world.at(owner).placed()).toHaveLength(1)
  expect(await world.until(world.at(other).call(k, 'inc'))).toBeGreaterThan(0)
})

test('an answer that cannot be read ends its call', async () => {
  const world = new MeshWorld(['a', 'b'])
  await world.pass(20)
  const liar = world.network.join('liar')
  await world.pass(100)
  liar.send('a', { type: 'placed.types', types: ['tally'] })
  await world.pass(20)
  liar.receive('placed.message', ({ placed, key, call }, from) => {
    liar.send(from, { type: 'placed.reply', placed, key, epoch: 1, call, ok: true, body: garbage })
  })
  const reason = await world.reasonOf(world.at('a').call(k, 'inc', { timeout: Number.POSITIVE_INFINITY }))
  expect(reason.type).toBe('error')
})
