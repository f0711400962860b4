import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Contender, stretch } from './contender.js'
import { partitions } from './key-position.js'

const contenders = fc
  .tuple(fc.string(), fc.double({ min: 1e-9, max: 1e9, noNaN: true }))
  .map(([id, weight]) => new Contender(id, weight))

describe('a contender', () => {
  test('comes to every partition once', () => {
    fc.assert(
      fc.property(contenders, (contender) => {
        const seen = new Uint8Array(partitions)
        for (let rank = 0; rank < partitions; rank++) seen[contender.partitionAt(rank)] = 1
        expect(seen.indexOf(0)).toBe(-1)
      }),
      { numRuns: 20 },
    )
  })

  test('comes later at a later rank, and to the partition of a rank at the time of that rank', () => {
    fc.assert(
      fc.property(contenders, fc.integer({ min: 0, max: partitions - 2 }), (contender, rank) => {
        expect(contender.timeAt(rank)).toBeGreaterThanOrEqual(0)
        expect(contender.timeAt(rank + 1)).toBeGreaterThan(contender.timeAt(rank))
        expect(contender.timeTo(contender.partitionAt(rank))).toBe(contender.timeAt(rank))
      }),
      { numRuns: 2000 },
    )
  })

  test('walks as it is asked', () => {
    const into = new Int32Array(stretch)
    fc.assert(
      fc.property(contenders, fc.integer({ min: 0, max: partitions - stretch }), (contender, start) => {
        contender.partitionsFrom(start, into)
        for (const [index, partition] of into.entries())
          if (partition !== contender.partitionAt(start + index))
            throw new Error(`rank ${start + index} differs`)
      }),
      { numRuns: 30 },
    )
  })

  test('counts the ranks before a time', () => {
    fc.assert(
      fc.property(contenders, fc.integer({ min: 0, max: partitions - 1 }), (contender, rank) => {
        expect(contender.ranksBefore(contender.timeAt(rank))).toBe(rank)
      }),
    )
    expect(new Contender('a', 1).ranksBefore(0)).toBe(0)
    expect(new Contender('a', 1).ranksBefore(Number.POSITIVE_INFINITY)).toBe(partitions)
  })

  test('waits as the exponential distribution says', () => {
    const contender = new Contender('a', 1)
    for (const part of [0.001, 0.1, 0.5, 0.9, 0.99])
      expect(contender.timeAt(Math.floor(part * partitions)) / -Math.log(1 - part)).toBeCloseTo(1, 2)
  })

  test('shares no order with another: who is first to a partition says nothing of the next ones', () => {
    // Pairs of nodes at pairs of ranks: over many, each of the four cases of "before, before" is a quarter.
    let both = 0
    let rounds = 0
    for (let pair = 0; pair < 60; pair++) {
      const a = new Contender(`a${pair}`, 1)
      const b = new Contender(`b${pair}`, 1)
      for (let partition = 0; partition + 1 < 4000; partition += 2) {
        const first = a.timeTo(partition) < b.timeTo(partition)
        const second = a.timeTo(partition + 1) < b.timeTo(partition + 1)
        if (first && second) both++
        rounds++
      }
    }
    expect(both / rounds).toBeCloseTo(0.25, 1.7)
  })
})
