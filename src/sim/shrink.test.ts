import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { smallestFailing } from './shrink.js'

describe('smallestFailing', () => {
  it('finds exactly the items that are needed to fail, whatever they are hidden among', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 40 }).chain((items) =>
          fc.record({
            items: fc.constant(items),
            needed: fc.subarray(items, { maxLength: Math.min(5, items.length) }),
          }),
        ),
        async ({ items, needed }) => {
          const smallest = await smallestFailing(items, (part) => needed.every((item) => part.includes(item)))
          expect(smallest).toEqual(needed)
        },
      ),
    )
  })

  it('tries far fewer parts than there are subsets', async () => {
    let tried = 0
    const items = Array.from({ length: 100 }, (_, index) => index)
    const smallest = await smallestFailing(items, (part) => {
      tried++
      return part.includes(17) && part.includes(83)
    })
    expect(smallest).toEqual([17, 83])
    expect(tried).toBeLessThan(100)
  })
})
