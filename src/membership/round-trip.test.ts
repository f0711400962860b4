import { describe, expect, it } from 'vitest'
import { seededRandom } from '../runtime/index.js'
import { RoundTrip } from './round-trip.js'

describe('RoundTrip', () => {
  it('knows nothing before the first sample and takes that for the mean', () => {
    const roundTrip = new RoundTrip()
    expect([roundTrip.smoothed, roundTrip.percentile99]).toEqual([undefined, undefined])
    roundTrip.add(100)
    expect([roundTrip.smoothed, roundTrip.percentile99, roundTrip.samples]).toEqual([100, 150, 1])
  })

  it('is exceeded by few of a hundred samples, and stays below the longest', () => {
    const random = seededRandom('round-trip')
    const roundTrip = new RoundTrip()
    let exceeded = 0
    const count = 20_000
    for (let sample = 0; sample < count; sample++) {
      const milliseconds = 40 + random() * 760
      if (milliseconds > (roundTrip.percentile99 ?? 0)) exceeded++
      roundTrip.add(milliseconds)
    }
    expect(exceeded / count).toBeLessThan(0.015)
    expect(roundTrip.percentile99).toBeGreaterThan(600)
    expect(roundTrip.percentile99).toBeLessThanOrEqual(900)
    expect(Math.abs((roundTrip.smoothed ?? 0) - 420)).toBeLessThan(200)
  })

  it('forgets an outlier', () => {
    const roundTrip = new RoundTrip()
    roundTrip.add(5_000)
    for (let sample = 0; sample < 400; sample++) roundTrip.add(50)
    expect(roundTrip.percentile99).toBeLessThanOrEqual(205)
  })
})
