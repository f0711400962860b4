import { expect, test } from 'vitest'
import { packValue } from '../wire/index.js'
import { ProcessRef } from './index.js'
import { KeptMessages } from './kept-messages.js'
import { unpackReason } from './packed-reason.js'
import { MeshWorld } from './testing/mesh-world.js'
import { Probe } from './testing/world.js'

const garbage = new Uint8Array([0xc1, 0xff])

/** A mesh of one process, and a member that says what it likes to its page. */
async function lying(encode = true) {
  const world = new MeshWorld(['a', 'b'], { encode })
  const log: unknown[] = []
  const ref = await world.until(world.at('b').start(Probe, { args: { log } }))
  const liar = world.network.join('liar')
  await world.pass(100)
  return { world, ref, log, liar }
}

test('a call that cannot be read is refused with the reason, and harms nobody', async () => {
  const { world, ref, log, liar } = await lying()
  const refused: unknown[] = []
  liar.receive('process.fail', ({ call, reason }) => refused.push([call, unpackReason(reason)]))
  liar.send('b', { type: 'process.call', call: 7, process: ref.id, timeout: 0, body: garbage })
  await world.pass(100)
  expect(refused).toEqual([[7, expect.objectContaining({ type: 'error', name: 'BadFrame' })]])
  expect(await world.until(world.at('a').call(ref, 'hello'))).toBe('hello')
  expect(log).toEqual(['init', ['call', 'hello']])
  expect(world.at('b').waitingCalls).toBe(0)
})

test.each([false, true])('a message that cannot be read is dropped, info: %s', async (info) => {
  const { world, ref, log, liar } = await lying()
  liar.send('b', { type: 'process.cast', process: ref.id, info, body: garbage })
  await world.pass(100)
  expect(await world.until(world.at('a').call(ref, 'hello'))).toBe('hello')
  expect(log).toEqual(['init', ['call', 'hello']])
})

test('an answer that cannot be read ends its call at once', async () => {
  const { world, liar } = await lying()
  liar.receive('process.call', ({ call }, from) => {
    liar.send(from, { type: 'process.reply', call, body: garbage })
  })
  const call = world.at('a').call(new ProcessRef('liar', '1'), 'hello', { timeout: Number.POSITIVE_INFINITY })
  expect(await world.reasonOf(call)).toMatchObject({ type: 'error', name: 'BadFrame' })
})

/** What no text can be made of. */
const mute = { toString: 1, valueOf: 1 }

test.each<[string, unknown]>([
  ['already_started by nobody', { type: 'already_started' }],
  ['already_started by what is no ref', { type: 'already_started', ref: { peer: mute, id: '1' } }],
  ['nodedown of what is no peer', { type: 'nodedown', peer: mute }],
  ['timeout after what is no number', { type: 'timeout', after: mute }],
  [
    'shutdown for a child that did not start for such a reason',
    {
      type: 'shutdown',
      detail: { failedToStart: 'child', reason: { type: 'already_started' } },
    },
  ],
  ['an error without words', { type: 'error' }],
  ['an error with words that are none', { type: 'error', name: mute, message: mute }],
])('a call that is refused with %s ends at once', async (_, reason) => {
  const { world, liar } = await lying()
  liar.receive('process.call', ({ call }, from) => {
    liar.send(from, { type: 'process.fail', call, reason: packValue(reason) })
  })
  const call = world.at('a').call(new ProcessRef('liar', '1'), 'hello', { timeout: Number.POSITIVE_INFINITY })
  expect(await world.reasonOf(call)).toHaveProperty('type')
})

test.each<[string, Uint8Array<ArrayBuffer>, string[]]>([
  ['bytes that are no value', garbage, ['a', 'b']],
  [
    'nodes without words',
    packValue([{ id: mute, label: mute, restarts: mute }, 7, mute]),
    ['a', 'b', 'liar'],
  ],
])('trees are drawn though a peer sends %s', async (_, body, peers) => {
  const { world, liar } = await lying()
  liar.serve('process.tree', (_tree, request) => request.reply({ type: 'process.trees', body }))
  const trees = await world.until(world.at('a').tree(), 3_000)
  expect(trees.map(({ peer }) => peer)).toEqual(peers)
  for (const node of trees.flatMap((each) => each.trees))
    expect(node).toMatchObject({
      id: expect.any(String),
      label: expect.any(String),
      restarts: expect.any(Number),
    })
})

test('a number that a peer monitors by again and again stands for one monitor', async () => {
  const { world, ref, liar } = await lying()
  const downs: unknown[] = []
  liar.receive('process.down', ({ monitor }) => downs.push(monitor))
  for (let times = 0; times < 100; times++)
    liar.send('b', { type: 'process.monitor', monitor: 7, process: ref.id })
  await world.pass(100)
  world.at('b').exit(ref, 'killed')
  await world.pass(100)
  expect(downs).toEqual([7])
})

test('a peer that makes monitors and links without end is refused more', async () => {
  const { world, ref, liar } = await lying(false)
  const refused: unknown[] = []
  const refuse = (number: number | string, reason: Uint8Array) => refused.push([number, unpackReason(reason)])
  liar.receive('process.down', ({ monitor, reason }) => refuse(monitor, reason))
  liar.receive('process.exit', ({ process, reason }) => refuse(process, reason))
  for (let number = 0; number <= 100_000; number++) {
    liar.send('b', { type: 'process.monitor', monitor: number, process: ref.id })
    liar.send('b', { type: 'process.link', process: ref.id, from: `${number}` })
  }
  await world.pass(100)
  const full = expect.objectContaining({ type: 'error', name: 'QueueFull' })
  expect(refused).toEqual([
    [100_000, full],
    ['100000', full],
  ])
})

test('a process whose page refuses a monitor has not ended, and keeps its name', async () => {
  const { world, liar } = await lying()
  const refusal = {
    type: 'error',
    name: 'QueueFull',
    message: 'a peer has 100000 monitors or links here already',
  }
  liar.receive('process.monitor', ({ monitor }, from) => {
    liar.send(from, { type: 'process.down', monitor, reason: packValue(refusal) })
  })
  const names = [{ name: 'named', process: '5' }]
  liar.request('a', { type: 'process.names', names }, 1_000, () => {})
  await world.pass(100)
  const seen: unknown[] = []
  world.at('a').monitor('named', (reason) => seen.push(reason))
  await world.pass(100)
  expect(seen).toEqual([refusal])
  expect(world.at('a').whereis('named')).toMatchObject({ peer: 'liar', id: '5' })
})

test('what is kept for a peer that reads nothing has a bound, of which the log is told once', () => {
  const world = new MeshWorld(['a', 'b'])
  const logged: string[] = []
  const cluster = world.network.cluster('b')
  Object.assign(cluster.runtime, { log: (_level: string, message: string) => logged.push(message) })
  const kept = new KeptMessages(cluster)
  for (let number = 0; number < 250_010; number++)
    kept.keep('a', { type: 'process.down', monitor: number, reason: garbage })
  expect(kept.size).toBe(250_000)
  expect(logged).toEqual(['messages are lost, as too many wait for a peer'])
  kept.close()
})
