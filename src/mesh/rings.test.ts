import { describe, expect, it } from 'vitest'
import type { MemberState } from './cluster.js'
import { Rings } from './rings.js'

const member = (id: string, state: MemberState, weight = 1) => ({ id, state, weight })
const ids = (ring: { nodes(): { id: string }[] }): string[] =>
  ring
    .nodes()
    .map(({ id }) => id)
    .sort()

describe('Rings', () => {
  it('reads from those that hold state now, and is on the way to those that will', () => {
    const rings = new Rings()
    rings.follow([
      member('a', 'alive'),
      member('b', 'suspect'),
      member('c', 'joining'),
      member('d', 'leaving'),
      member('e', 'parked'),
      member('f', 'dead'),
      member('g', 'left'),
      member('h', 'alive', 0),
    ])
    expect(ids(rings.now)).toEqual(['a', 'b', 'd'])
    expect(ids(rings.next)).toEqual(['a', 'b', 'c'])
  })

  it('says how much has moved, and nothing where only the next ring changed', () => {
    const rings = new Rings()
    const first = rings.follow([member('a', 'alive')])
    expect(first?.before.size).toBe(0)
    expect(first?.moved).toBeCloseTo(1)
    expect(rings.follow([member('a', 'alive'), member('b', 'joining')])).toBeUndefined()
    const second = rings.follow([member('a', 'alive'), member('b', 'alive')])
    expect(second?.moved).toBeCloseTo(rings.now.share('b'), 6)
    expect(ids(second?.before ?? rings.next)).toEqual(['a'])
  })

  it('has hidden tabs hold the state where nobody else is', () => {
    const rings = new Rings()
    rings.follow([member('a', 'parked'), member('b', 'parked')])
    expect(ids(rings.now)).toEqual(['a', 'b'])
    rings.follow([member('a', 'parked'), member('b', 'alive')])
    expect(ids(rings.now)).toEqual(['b'])
  })
})
