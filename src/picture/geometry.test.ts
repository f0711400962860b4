import fc from 'fast-check'
import { expect, test } from 'vitest'
import { places } from './geometry.js'

test('a peer stands at the middle of an arc that is as long as its share', () => {
  const found = places(
    ['a', 'b', 'c'],
    new Map([
      ['a', 0.5],
      ['b', 0.25],
      ['c', 0.25],
    ]),
  )
  expect(found.get('a')).toEqual({ from: 0, to: 0.5, at: 0.25 })
  expect(found.get('b')).toEqual({ from: 0.5, to: 0.75, at: 0.625 })
  expect(found.get('c')).toEqual({ from: 0.75, to: 1, at: 0.875 })
})

test('peers keep apart and in order, whatever their shares', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 2, maxLength: 16 }), (weights) => {
      const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1
      const ids = weights.map((_, index) => `p${index}`)
      const found = places(ids, new Map(ids.map((id, index) => [id, (weights[index] ?? 0) / whole])))
      const at = ids.map((id) => found.get(id)?.at ?? Number.NaN)
      for (const [index, place] of at.entries()) {
        const next = index + 1 < at.length ? (at[index + 1] ?? 0) : (at[0] ?? 0) + 1
        expect(next - place).toBeGreaterThan(1 / 40)
      }
    }),
  )
})
