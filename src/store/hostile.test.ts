import { describe, expect, it } from 'vitest'
import { BadFrame } from '../errors/index.js'
import { seededRandom } from '../runtime/index.js'
import { decodeMessage, encodeMessage, type Message, packValue } from '../wire/index.js'
import { timeOf } from './clock.js'
import { aheadLimit } from './constants.js'
import { StoreRig } from './testing/store-rig.js'

/** Frames of a run; more by the environment, for nights. */
const frames = Number(process.env.RINGMESH_STORE_FUZZ_FRAMES ?? 10_000)

const ids = ['a', 'b', 'c', 'd']
const honest = Array.from({ length: 50 }, (_, number) => `honest ${number}`)

/** One good message of every type, about keys that nobody else uses. */
function examples(stamp: string): Message[] {
  const place = { store: 's', replicas: 3, key: 'target' }
  const position: [string, number, string, string] = ['s', 3, 'target', stamp]
  const record: [string, number, string, number, string, Uint8Array] = [
    's',
    3,
    'target',
    0,
    stamp,
    packValue('x'),
  ]
  const held = { kind: 0, version: stamp, content: packValue('x') }
  const statuses = new Uint8Array([1, 0, 5])
  const hashes = new Uint8Array(512)
  return [
    { type: 'store.put', ...place, ...held, durable: false, expected: null },
    {
      type: 'store.stored',
      status: 'stored',
      stays: true,
      durable: true,
      version: stamp,
      content: null,
      clock: 1,
    },
    { type: 'store.get', ...place },
    { type: 'store.found', ...held, settled: true },
    { type: 'store.offer', exchange: 1, absent: 5, positions: [position] },
    { type: 'store.offered', exchange: 1, statuses },
    { type: 'store.transfer', exchange: 1, records: [record] },
    { type: 'store.transferred', exchange: 1, statuses },
    { type: 'store.cover', view: 'v', next: 'v' },
    { type: 'store.covered', born: 1, clock: 2 },
    { type: 'store.compare', view: 'v', branch: 3, hashes },
    { type: 'store.differences', differing: [1, 2] },
    { type: 'store.leaves', view: 'v', leaves: [1, 2] },
    { type: 'store.watch', watch: 1, store: 's', key: 'target', prefix: null, mark: null },
    { type: 'store.unwatch', watch: 1 },
    { type: 'store.changed', watch: 1, records: [record] },
    { type: 'store.list', store: 's', prefix: 't', after: null },
    { type: 'store.listed', records: [record], more: false },
    { type: 'store.collect', exchange: 1, view: 'v', positions: [position] },
    { type: 'store.agreed', exchange: 1, statuses },
    { type: 'store.forget', positions: [position] },
    { type: 'store.clock' },
    { type: 'store.time', clock: 1 },
    { type: 'store.missing', peers: [['b', 5, 5]], forgotten: 1 },
  ]
}

const nasty: readonly unknown[] = [
  null,
  undefined,
  -1,
  0.5,
  Number.NaN,
  Number.MAX_SAFE_INTEGER,
  2 ** 63,
  '',
  'ffffffffffffffff-x',
  'x'.repeat(2_000),
  true,
  [],
  [[]],
  ['s', 3, 'k'],
  { __proto__: null, a: 1 },
  new Uint8Array(0),
  new Uint8Array(2_000),
]

/** A good message with a field, an element, or some bytes changed. */
function damaged(message: Message, chance: () => number): Uint8Array {
  const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(chance() * list.length)] as Item
  const copy = structuredClone(message) as unknown as Record<string, unknown>
  const fields = Object.keys(copy).filter((name) => name !== 'type')
  const way = chance()
  if (way < 0.6 && fields.length > 0) {
    const name = pick(fields)
    const value = copy[name]
    if (Array.isArray(value) && value.length > 0 && chance() < 0.7) {
      const inner = value[0] as unknown
      if (Array.isArray(inner) && chance() < 0.8) inner[Math.floor(chance() * inner.length)] = pick(nasty)
      else value[0] = pick(nasty)
    } else copy[name] = pick(nasty)
  }
  const bytes = encodeMessage(copy as unknown as Message)
  if (way < 0.6) return bytes
  if (way < 0.7) return bytes.slice(0, Math.floor(chance() * bytes.length))
  for (let flips = 1 + Math.floor(chance() * 3); flips > 0; flips--)
    bytes[Math.floor(chance() * bytes.length)] = Math.floor(chance() * 256)
  return bytes
}

describe('frames of a hostile member', () => {
  it('change nothing where they are malformed, and where they are well-formed only what they name', async () => {
    const rig = new StoreRig(ids, { seed: 'hostile', tombstoneTime: 60_000 })
    for (const key of honest) await rig.run(rig.store('a').put(key, key))
    await rig.run(rig.store('a').delete('honest 0'))
    rig.time.advance(2_000)
    const hostile = rig.net.join('hostile')
    rig.time.advance(40_000)
    const chance = seededRandom('hostile')
    let refused = 0
    let taken = 0
    for (let frame = 0; frame < frames; frame++) {
      const now = rig.time.runtime().wallClock()
      const stamp = `${Math.floor(now).toString(16).padStart(12, '0')}0000-hostile`
      const messages = examples(stamp)
      const bytes = damaged(messages[Math.floor(chance() * messages.length)] as Message, chance)
      let message: Message | undefined
      try {
        message = decodeMessage(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(BadFrame)
        refused++
        continue
      }
      taken++
      const to = ids[Math.floor(chance() * ids.length)] as string
      if (chance() < 0.5) hostile.send(to, message)
      else hostile.request(to, message, 1_000, () => {})
      if (frame % 100 === 0) rig.time.advance(200)
    }
    expect(refused).toBeGreaterThan(frames / 5)
    expect(taken).toBeGreaterThan(frames / 10)
    const limit = rig.time.runtime().wallClock() + aheadLimit
    for (const id of ids) {
      for (const key of rig.service(id).keysOf('s'))
        expect(timeOf(rig.service(id).find('s', key)?.version ?? ''), key).toBeLessThanOrEqual(limit)
    }
    rig.net.leave('hostile')
    rig.time.advance(30_000)
    for (const id of ids) {
      expect(await rig.run(rig.store(id).get('honest 0', { fresh: true }))).toBeUndefined()
      for (const key of honest.slice(1))
        expect(await rig.run(rig.store(id).get(key, { fresh: true }))).toBe(key)
    }
    const { holders } = await rig.run(rig.store('b').put('after', 1))
    expect(holders.length).toBeGreaterThanOrEqual(2)
  })

  it('make nobody forget a tombstone that the owners have not agreed on', async () => {
    const rig = new StoreRig(ids, { tombstoneTime: 60_000 })
    await rig.run(rig.store('a').put('k', 1))
    rig.time.advance(1_000)
    await rig.run(rig.store('a').delete('k'))
    rig.time.advance(1_000)
    const holders = ids.filter((id) => rig.service(id).find('s', 'k') !== undefined)
    const [owner = '', second = ''] = rig.net.cluster('a').ring.owners('k', 3)
    const other = ids.find((id) => !holders.includes(id)) as string
    const mark = rig.service(owner).find('s', 'k')?.mark as string
    const forget: Message = { type: 'store.forget', positions: [['s', 3, 'k', mark]] }
    // One that does not own it, while it is old; and the first owner, while somebody is missing.
    rig.net.crash(second)
    rig.time.advance(65_000)
    for (const id of holders) {
      rig.net.cluster(other).send(id, forget)
      rig.net.cluster(owner).send(id, forget)
    }
    rig.time.advance(1_000)
    for (const id of holders.filter((holder) => holder !== second))
      expect(rig.service(id).find('s', 'k')?.mark).toBe(mark)
  })
})
