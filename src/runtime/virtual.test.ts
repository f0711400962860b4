import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from './seeded-random.js'
import { VirtualTime } from './virtual.js'

describe('VirtualTime', () => {
  it('fires timers in the order of their times, then of their setting', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (delays) => {
        const time = new VirtualTime()
        const fired: [number, number][] = []
        for (const [index, delay] of delays.entries()) time.timer(delay, () => fired.push([delay, index]))
        time.advance(20)
        const expected = delays.map((delay, index): [number, number] => [delay, index])
        expect(fired).toEqual(expected.sort(([a, i], [b, j]) => a - b || i - j))
      }),
    )
  })

  it('does not fire a cancelled timer, nor one before its time', () => {
    const time = new VirtualTime()
    const fired: string[] = []
    time.timer(10, () => fired.push('kept'))
    time.timer(5, () => fired.push('cancelled')).cancel()
    time.advance(9)
    expect(fired).toEqual([])
    time.advance(1)
    expect(fired).toEqual(['kept'])
    expect(time.now).toBe(10)
    expect(time.pending).toBe(0)
  })
})

describe('seededRandom', () => {
  it('gives the same row for the same seed and another for another', () => {
    const row = (seed: string | number) => Array.from({ length: 8 }, seededRandom(seed))
    expect(row('a')).toEqual(row('a'))
    expect(row('a')).not.toEqual(row('b'))
    expect(row(1)).not.toEqual(row(2))
  })

  it('is even enough: a thousand draws a bucket, no bucket off by more than a fifth', () => {
    const random = seededRandom('even')
    const buckets = new Array<number>(16).fill(0)
    for (let draw = 0; draw < 16_000; draw++) {
      const bucket = Math.floor(random() * 16)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(200)
  })
})
