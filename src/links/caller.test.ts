import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { seededRandom } from '../runtime/index.js'
import { isCaller } from './caller.js'

const random = seededRandom('caller')

it('is one of two, and both ends agree which', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      fc.pre(one !== other)
      expect(isCaller(one, other)).toBe(!isCaller(other, one))
    }),
  )
})

it.each([
  ['numbered', (index: number) => `tab-${String(index).padStart(2, '0')}`],
  ['random', () => random().toString(36)],
])('leaves each of 64 peers with %s ids about half of its pairs to dial', (_kind, idOf) => {
  const ids = Array.from({ length: 64 }, (_, index) => idOf(index))
  const dials = ids.map((self) => ids.filter((remote) => remote !== self && isCaller(self, remote)).length)
  // Five standard deviations of 63 fair coins.
  for (const count of dials) expect(Math.abs(count - 31.5)).toBeLessThan(20)
})

it('tells ids apart from their halves', () => {
  // Were only the run of characters counted, these two pairs would be one.
  const names = Array.from({ length: 64 }, (_, index) => `${index}`)
  expect(names.some((name) => isCaller(name, `${name}0`) !== isCaller(`${name}0`, `${name}00`))).toBe(true)
})
