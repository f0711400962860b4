import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TraceHash } from './trace-hash.js'

type Step = string | number | boolean

function digestOf(steps: readonly Step[]): string {
  const hash = new TraceHash()
  for (const step of steps) hash.value(step)
  return hash.digest()
}

describe('TraceHash', () => {
  it('is pinned: these digests may change only together with every printed trace hash', () => {
    expect(digestOf([])).toBe('92ca2f0e1388a0fb')
    expect(digestOf(['member', 'ada', 3, true, 0.1, -0, 2 ** 53])).toBe('3a483ad9440e588f')
  })

  it('tells apart any two different rows of steps', () => {
    const step = fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.integer(), fc.boolean())
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (one, other) => {
        const isSame =
          one.length === other.length && one.every((value, index) => Object.is(value, other[index]))
        expect(digestOf(one) === digestOf(other)).toBe(isSame)
      }),
      { numRuns: 2_000 },
    )
  })

  it('depends on the order', () => {
    expect(digestOf(['a', 'b'])).not.toBe(digestOf(['b', 'a']))
  })
})
