import { describe, expect, it } from 'vitest'
import { Departures } from './departures.js'

describe('departures', () => {
  it('take no last copy where one page at a time is lost, and others have been there for long', () => {
    const departures = new Departures()
    departures.lost(100_000, [0, 90_000])
    departures.handedOver(2)
    departures.lost(200_000, [0])
    expect(departures.mayHaveTakenLastCopies).toBe(false)
  })

  it('may have taken one where two were lost closely after each other', () => {
    const departures = new Departures()
    departures.lost(100_000, [0, 0])
    departures.lost(130_000, [0])
    expect(departures.mayHaveTakenLastCopies).toBe(true)
  })

  it('may have taken one where nobody else was there, or nobody for long', () => {
    const alone = new Departures()
    alone.lost(100_000, [])
    expect(alone.mayHaveTakenLastCopies).toBe(true)
    const withNewcomer = new Departures()
    withNewcomer.lost(100_000, [70_000])
    expect(withNewcomer.mayHaveTakenLastCopies).toBe(true)
    const last = new Departures()
    last.handedOver(0)
    expect(last.mayHaveTakenLastCopies).toBe(true)
  })
})
