import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packValue } from '../wire/index.js'
import { mergeSnapshots, storedSnapshots } from './index.js'
import { type PlacedRecord, type PlacedSnapshot, packRecord, unpackRecord } from './placed-record.js'
import { including } from './version-vector.js'

const record = (epoch: number, owner: string, snapshot: unknown = 0): Uint8Array =>
  packRecord({ epoch, owner, args: undefined, snapshot })

/** One copy of bytes, as a store of the sharded state is to one page. */
function bytes() {
  const values = new Map<string, Uint8Array>()
  const store = storedSnapshots({
    get: async (key) => values.get(key),
    update: async (key, change) => {
      const next = change(values.get(key))
      if (next === undefined) values.delete(key)
      else values.set(key, next)
    },
  })
  const put = (value: Uint8Array) => new Promise<void>((done) => store.put('k', value, () => done()))
  const end = (last: Uint8Array) => new Promise<void>((done) => store.delete('k', last, () => done()))
  const kept = () => {
    const value = values.get('k')
    return value === undefined ? undefined : unpackRecord(value)
  }
  return { put, end, kept }
}

test('what a former owner writes does not replace the snapshot of a later epoch', async () => {
  const { put, kept } = bytes()
  await put(record(1, 'a', 'first'))
  await put(record(1, 'a', 'second'))
  expect(kept()).toMatchObject({ epoch: 1, snapshot: 'second' })
  await put(record(2, 'b', 'of the next'))
  await put(record(1, 'a', 'late'))
  expect(kept()).toMatchObject({ epoch: 2, snapshot: 'of the next' })
  await put(record(2, 'a', 'late, and of the smaller peer'))
  expect(kept()).toMatchObject({ owner: 'b', snapshot: 'of the next' })
})

test('the end of a former owner does not take the snapshot of a later epoch with it', async () => {
  const { put, end, kept } = bytes()
  await put(record(2, 'b'))
  await end(record(1, 'a'))
  expect(kept()).toMatchObject({ epoch: 2 })
  await end(record(2, 'b'))
  expect(kept()).toBeUndefined()
})

const anyRecord = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 300 }))
    .map(([epoch, owner, snapshot]) => record(epoch, owner, snapshot)),
  fc.uint8Array({ maxLength: 3 }),
)

test('of two records the later epoch is kept, and the other beside it', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, (a, b) => {
      expect(mergeSnapshots(a, a)).toEqual(a)
      const [one, other] = [unpackRecord(a), unpackRecord(b)]
      const joined = unpackRecord(mergeSnapshots(a, b))
      expect(joined?.epoch ?? -1).toBe(Math.max(one?.epoch ?? -1, other?.epoch ?? -1))
      if (one === undefined || other === undefined) return
      const isOne = one.epoch === other.epoch && one.owner === other.owner
      expect(joined?.beside).toHaveLength(isOne ? 0 : 1)
    }),
  )
})

/** What happens to a key whose record is kept in three places that do not hear of each other. */
const step = fc.record({
  place: fc.integer({ min: 0, max: 2 }),
  what: fc.constantFrom('write', 'write', 'take over', 'hear', 'merge'),
  of: fc.integer({ min: 0, max: 2 }),
})

/** One process for each place; its snapshot says all that was ever entered into it. */
function history(steps: readonly { place: number; what: string; of: number }[]) {
  const empty = packRecord({ epoch: 1, owner: 'first', args: undefined, snapshot: [] })
  const places = [empty, empty, empty]
  const running = places.map((_, place): PlacedRecord => {
    const includes = [{ epoch: 1, owner: 'first', handled: 0 }]
    const owner = `o${place}`
    return { epoch: 2, owner, args: undefined, snapshot: [], handled: 0, includes, beside: [] }
  })
  const written: string[] = []
  let owners = places.length
  for (const { place, what, of } of steps) {
    const kept = unpackRecord(places[place] as Uint8Array) as PlacedRecord
    let now = running[place] as PlacedRecord
    const take = (from: PlacedSnapshot): void => {
      const entries = new Set([...(now.snapshot as string[]), ...(from.snapshot as string[])])
      const includes = including(now.includes, from, ...from.includes)
      now = { ...now, snapshot: [...entries].sort(), includes, handled: now.handled + 1 }
    }
    if (what === 'hear') places[place] = mergeSnapshots(places[place] as Uint8Array, places[of] as Uint8Array)
    if (what === 'take over') {
      now = {
        ...kept,
        epoch: Math.max(kept.epoch, now.epoch) + 1,
        owner: `o${owners++}`,
        handled: 0,
        beside: [],
      }
      now = { ...now, includes: including(kept.includes, kept) }
    }
    if (what === 'merge')
      for (const other of [kept, ...kept.beside]) if (other.owner !== now.owner) take(other)
    if (what === 'write') {
      const entry = `e${written.length}`
      written.push(entry)
      now = { ...now, snapshot: [...(now.snapshot as string[]), entry].sort(), handled: now.handled + 1 }
    }
    running[place] = now
    if (what !== 'hear') places[place] = mergeSnapshots(places[place] as Uint8Array, packRecord(now))
  }
  return { places: places as [Uint8Array, Uint8Array, Uint8Array], written }
}

test('the merge of snapshots is commutative and associative, and loses nothing that was written', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      const { places, written } = history(steps)
      const [a, b, c] = places
      expect(mergeSnapshots(a, a)).toEqual(a)
      expect(mergeSnapshots(a, b)).toEqual(mergeSnapshots(b, a))
      const all = mergeSnapshots(mergeSnapshots(a, b), c)
      expect(mergeSnapshots(a, mergeSnapshots(b, c))).toEqual(all)
      const { snapshot, beside } = unpackRecord(all) as PlacedRecord
      const found = new Set([snapshot, ...beside.map((other) => other.snapshot)].flat())
      expect([...found].sort()).toEqual([...written].sort())
    }),
    { numRuns: Number(process.env.RUNS ?? 300) },
  )
})

test('what a successor has taken in lies beside its record no more', () => {
  const first = { epoch: 1, owner: 'a', args: undefined, snapshot: 'first', handled: 5 }
  const next = { epoch: 2, owner: 'b', args: undefined, snapshot: 'next', handled: 1 }
  const besideOf = (bytes: Uint8Array) => unpackRecord(bytes)?.beside.map(({ snapshot }) => snapshot)
  const joined = mergeSnapshots(packRecord(first), packRecord(next))
  expect(besideOf(joined)).toEqual(['first'])
  const merged = packRecord({ ...next, handled: 2, includes: [{ owner: 'a', epoch: 1, handled: 5 }] })
  expect(mergeSnapshots(joined, merged)).toEqual(merged)
  expect(besideOf(mergeSnapshots(merged, packRecord({ ...first, handled: 6 })))).toEqual(['first'])
})

test('what is cut off again and again is bounded', () => {
  const sides = Array.from({ length: 40 }, (_, number) =>
    packRecord({ epoch: 1, owner: `o${number}`, args: undefined, snapshot: number, handled: number }),
  )
  const joined = unpackRecord(sides.reduce(mergeSnapshots))
  expect(joined?.beside).toHaveLength(8)
})

test('a record of a page that knows of no vectors is read', () => {
  const old = unpackRecord(packValue([3, 'a', undefined, 'held']))
  expect(old).toMatchObject({ epoch: 3, owner: 'a', snapshot: 'held', handled: 0, includes: [], beside: [] })
})
