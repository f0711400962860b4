import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Codec } from '../codec.js'
import type { Held } from '../held.js'
import { join, markOf } from '../record.js'
import { counter, map, set } from './index.js'

let clock = 0
const version = (writer: string) => `${(++clock).toString(16).padStart(12, '0')}0000-${writer}`

/** A replica in miniature: one key, and a page that writes it. */
class Page<Value> {
  readonly codec: Codec<Value>
  held: Held | undefined

  constructor(
    readonly id: string,
    merge: unknown,
  ) {
    this.codec = new Codec<Value>(id, merge)
  }

  get value(): Value | undefined {
    return this.held && this.codec.unpack(this.held)
  }

  put(next: Value): Held {
    const stamp = version(this.id)
    const content = this.codec.pack('k', this.held, next, stamp)
    return this.take({ kind: this.codec.kind, version: stamp, content })
  }

  delete(): Held {
    return this.take({ kind: this.codec.kind, version: version(this.id), content: null })
  }

  take(record: Held): Held {
    this.held = this.held === undefined ? record : join(this.held, record)
    return record
  }
}

const longest = (a: string[], b: string[]) => [...new Set([...a, ...b])].sort()
const merges: Record<string, { merge: unknown; values: fc.Arbitrary<unknown> }> = {
  'the later write': { merge: undefined, values: fc.integer() },
  counter: { merge: counter(), values: fc.integer({ min: -9, max: 9 }) },
  set: { merge: set(), values: fc.array(fc.integer({ min: 0, max: 5 })).map((list) => new Set(list)) },
  map: {
    merge: map(),
    values: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.integer({ min: 0, max: 3 })),
  },
  own: { merge: longest, values: fc.array(fc.constantFrom('x', 'y', 'z')) },
}

describe.each(Object.keys(merges))('merging by %s', (name) => {
  const { merge, values } = merges[name] as (typeof merges)[string]
  const step = fc.record({
    page: fc.nat(2),
    kind: fc.constantFrom('put', 'put', 'put', 'delete', 'sync'),
    value: values,
    with: fc.nat(2),
  })

  it('gives every replica the same state, whatever the order and however often records come', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.infiniteStream(fc.nat(1000)), (steps, order) => {
        const pages = ['p', 'q', 'r'].map((id) => new Page<unknown>(id, merge))
        const records: Held[] = []
        for (const { page, kind, value, with: other } of steps) {
          const at = pages[page] as Page<unknown>
          const from = (pages[other] as Page<unknown>).held
          if (kind === 'sync') {
            if (from !== undefined) at.take(from)
          } else records.push(kind === 'put' ? at.put(value) : at.delete())
        }
        const states = [0, 1, 2].map(() => {
          const replica = new Page<unknown>('s', merge)
          const shuffled = records
            .flatMap((record) => [record, record])
            .map((record) => [order.next().value ?? 0, record] as const)
            .sort(([a], [b]) => a - b)
          for (const [, record] of shuffled) replica.take(record)
          return replica
        })
        for (const page of pages) for (const { held } of pages) if (held !== undefined) page.take(held)
        const marks = [...states, ...pages].map(({ held }) => held && markOf(held))
        expect(new Set(marks).size).toBe(1)
      }),
      { numRuns: 300 },
    )
  })

  it('changes nothing when it joins what it has', () => {
    const page = new Page<unknown>('p', merge)
    const sample = fc.sample(values, 5)
    for (const value of sample) page.put(value)
    const { held } = page
    expect(held && join(held, held)).toBe(held)
  })
})

describe('merges', () => {
  function two<Value>(merge: unknown): [Page<Value>, Page<Value>, () => void] {
    const a = new Page<Value>('a', merge)
    const b = new Page<Value>('b', merge)
    const sync = () => {
      if (a.held !== undefined) b.take(a.held)
      if (b.held !== undefined) a.take(b.held)
    }
    return [a, b, sync]
  }

  it('counter adds up concurrent changes, both ways, and starts afresh when deleted', () => {
    const [a, b, sync] = two<number>(counter())
    a.put(5)
    sync()
    a.put(7)
    b.put(1)
    sync()
    expect([a.value, b.value]).toEqual([3, 3])
    a.delete()
    sync()
    expect(b.value).toBeUndefined()
    b.put(10)
    sync()
    expect(a.value).toBe(10)
    a.put(11)
    sync()
    expect(b.value).toBe(11)
  })

  it('counter counts right when even the tombstone was forgotten', () => {
    const a = new Page<number>('a', counter())
    a.put(5)
    a.held = undefined
    a.put(1)
    expect(a.value).toBe(1)
  })

  it('set keeps an element that is added while it is removed', () => {
    const [a, b, sync] = two<Set<string>>(set())
    a.put(new Set(['x', 'y']))
    sync()
    a.put(new Set(['y']))
    b.put(new Set(['x', 'y', 'z']))
    sync()
    expect(a.value).toEqual(new Set(['y', 'z']))
    a.put(new Set(['y', 'z', 'x']))
    b.put(new Set(['z']))
    sync()
    expect(a.value).toEqual(new Set(['z', 'x']))
    expect(b.value).toEqual(a.value)
  })

  it('map keeps changes of different fields, and of one the later', () => {
    const [a, b, sync] = two<Record<string, number>>(map())
    a.put({ x: 1, y: 1 })
    sync()
    a.put({ x: 2, y: 1 })
    b.put({ x: 1, z: 3 })
    sync()
    expect(a.value).toEqual({ x: 2, z: 3 })
    expect(b.value).toEqual({ x: 2, z: 3 })
  })

  it('own merges what was concurrent, also over a replica that has no function', () => {
    const [a, b] = two<string[]>(longest)
    const replica = new Page<string[]>('r', undefined)
    a.put(['1'])
    b.put(['2'])
    if (a.held) replica.take(a.held)
    if (b.held) replica.take(b.held)
    if (replica.held) a.take(replica.held)
    expect(a.value).toEqual(['1', '2'])
    a.put(['3'])
    if (a.held) replica.take(a.held)
    if (replica.held) b.take(replica.held)
    expect(b.value).toEqual(['3'])
  })

  it('stands what is no state', () => {
    const good = new Page<number>('a', counter())
    good.put(1)
    const bad: Held = { kind: good.codec.kind, version: version('z'), content: new Uint8Array([0xc1, 2, 3]) }
    expect(() => good.take(bad)).not.toThrow()
  })
})
