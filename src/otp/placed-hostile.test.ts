import { expect, test } from 'vitest'
import { type Message, packValue, unpackValue } from '../wire/index.js'
import { PlacedRef } from './index.js'
import { unpackReason } from './packed-reason.js'
import { PlacedDirectory } from './placed-directory.js'
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

/** What a member makes up that runs on its page, each under a name as long as may be. */
function madeUp(first: number): Extract<Message, { type: 'placed.at' }>['entries'] {
  return Array.from({ length: 1_000 }, (_, index) => ({
    placed: 'made-up'.padEnd(1_024, '-'),
    key: `${first + index}`.padEnd(1_024, '-'),
    epoch: 1,
    process: '1',
  }))
}

test('a member that makes up places without end fills a bounded part of the memory', () => {
  const world = new MeshWorld(['a', 'b'])
  const directory = new PlacedDirectory(world.network.cluster('a'), () => true)
  directory.set('tally', 'ours', { epoch: 1, owner: 'a', process: '1' })
  directory.set('tally', 'theirs', { epoch: 1, owner: 'b', process: '1' })
  let most = 0
  for (let first = 0; first < 20_000; first += 1_000) {
    for (const { placed, key, epoch, process } of madeUp(first))
      directory.set(placed, key, { epoch, process, owner: 'b' })
    most = Math.max(most, directory.characters)
  }
  expect(most).toBeLessThanOrEqual(32 * 1024 * 1024)
  const [last] = madeUp(19_999)
  expect(directory.get(last?.placed ?? '', last?.key ?? '')).toMatchObject({ owner: 'b' })
  expect(directory.get('tally', 'ours')).toMatchObject({ owner: 'a' })
  expect(directory.get('tally', 'theirs')).toBeUndefined()
  for (const { placed, key } of directory.elsewhere()) directory.delete(placed, key)
  directory.delete('tally', 'ours')
  expect(directory.characters).toBe(0)
})

test('a process that others were made to forget the place of is found, and answers', async () => {
  const { world, owner, other, liar } = await lying()
  const third = ['a', 'b', 'c'].find((id) => id !== owner && id !== other) as string
  const ends: unknown[] = []
  world.at(third).monitor(k, ({ type }) => ends.push(type))
  for (let first = 0; first < 20_000; first += 1_000) {
    liar.send(third, { type: 'placed.at', entries: madeUp(first) })
    await world.pass(20)
  }
  expect(ends).toEqual([])
  world.at(third).monitor(k, ({ type }) => ends.push(type))
  await world.pass(20)
  expect(ends).toEqual(['noproc'])
  expect(await world.until(world.at(third).call(k, 'inc'))).toBe(1)
  expect(await world.until(world.at(other).call(k, 'inc'))).toBe(2)
  expect(['a', 'b', 'c'].flatMap((id) => world.at(id).placed())).toHaveLength(1)
})
