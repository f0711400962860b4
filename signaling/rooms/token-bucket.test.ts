import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.js'

describe('a token bucket', () => {
  it('never lets more through than its burst and its rate', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat(200)), { maxLength: 100 }),
        (takes) => {
          const bucket = new TokenBucket(100, 200, 0)
          let now = 0
          let taken = 0
          for (const [units, gap] of takes) {
            now += gap
            const wait = bucket.take(units, now)
            taken += units
            now += wait
            expect(taken).toBeLessThanOrEqual(200 + (now / 1000) * 100 + 1e-6)
          }
        },
      ),
    )
  })
})
