import { describe, expect, it } from 'vitest'
import { PARKED_PATIENCE } from './constants.js'
import { log10, suspicionTime } from './suspicion.js'

const usual = { isParked: false, socketOpen: undefined }

describe('suspicionTime', () => {
  it('falls from four times the least to the least as peers confirm', () => {
    const times = [1, 2, 3, 4, 5].map((voters) => suspicionTime({ ...usual, size: 10, voters }))
    expect(times[0]).toBe(24_000)
    expect(times[1]).toBe(15_000)
    expect(times[2]).toBeCloseTo(9_735, 0)
    expect(times.slice(3)).toEqual([6_000, 6_000])
  })

  it('grows with the logarithm of the cluster, and not below ten peers', () => {
    const least = (size: number) => suspicionTime({ ...usual, size, voters: 4 })
    expect([4, 5, 10].map(least)).toEqual([6_000, 6_000, 6_000])
    expect(least(100)).toBe(12_000)
    expect(least(1_000)).toBe(18_000)
  })

  it('asks for no more confirmations than there are peers to give them', () => {
    expect(suspicionTime({ ...usual, size: 3, voters: 1 })).toBe(24_000)
    expect(suspicionTime({ ...usual, size: 3, voters: 2 })).toBe(6_000)
  })

  it('lets the signalling server be the third witness of two peers, and of no more', () => {
    const time = (size: number, socketOpen: boolean | undefined) =>
      suspicionTime({ size, voters: 1, isParked: false, socketOpen })
    expect(time(2, false)).toBe(6_000)
    expect(time(2, true)).toBe(24_000)
    expect(time(2, undefined)).toBe(24_000)
    expect(time(3, false)).toBe(time(3, true))
  })

  it('gives a parked peer its patience, confirmed or not', () => {
    for (const voters of [1, 4]) {
      expect(suspicionTime({ size: 20, voters, isParked: true, socketOpen: false })).toBe(PARKED_PATIENCE)
    }
  })
})

describe('log10', () => {
  it('is within 0.03 of the logarithm, and exact at powers of ten', () => {
    for (let value = 1; value < 5_000; value++) {
      expect(Math.abs(log10(value) - Math.log10(value))).toBeLessThan(0.03)
    }
    expect([1, 10, 100, 1_000].map(log10)).toEqual([0, 1, 2, 3])
  })
})
