import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeSnapshots, storedSnapshots } from './index.js'
import { packRecord, unpackRecord } from './placed-record.js'

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

test('the merge of snapshots is commutative, associative and idempotent, and keeps the later epoch', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, anyRecord, (a, b, c) => {
      expect(mergeSnapshots(a, a)).toEqual(a)
      expect(mergeSnapshots(a, b)).toEqual(mergeSnapshots(b, a))
      expect(mergeSnapshots(mergeSnapshots(a, b), c)).toEqual(mergeSnapshots(a, mergeSnapshots(b, c)))
      const epochs = [a, b].map((value) => unpackRecord(value)?.epoch ?? -1)
      expect(unpackRecord(mergeSnapshots(a, b))?.epoch ?? -1).toBe(Math.max(...epochs))
    }),
  )
})
