import { describe, expect, it } from 'vitest'
import { settings } from './settings.js'
import { Slot } from './slot.js'

const slotWith = (credit: number): Slot =>
  new Slot('b', { name: 'square', concurrency: 2, credit, weight: 1 })

describe('a worker as a lane sees it', () => {
  it('has a free slot while fewer tasks are there than it runs at once', () => {
    const slot = slotWith(2 * settings.creditFactor)
    expect(slot.atOnce).toBe(2)
    slot.tasks.add(1)
    expect(slot.hasFreeSlot).toBe(true)
    slot.tasks.add(2)
    expect(slot.hasFreeSlot).toBe(false)
  })

  it('lets tasks wait there up to its credit, as long as nothing is known of their time', () => {
    const slot = slotWith(3)
    for (let task = 0; task < 3; task++) {
      expect(slot.mayPrefetch()).toBe(true)
      slot.tasks.add(task)
    }
    expect(slot.mayPrefetch()).toBe(false)
  })

  it('lets none wait there where a round trip is nothing beside a run', () => {
    const slot = slotWith(4)
    slot.roundTrip = 10
    slot.learn(10 * settings.prefetchBelow)
    expect(slot.mayPrefetch()).toBe(true)
    slot.learn(10 * settings.prefetchBelow + 80)
    expect(slot.mayPrefetch()).toBe(false)
  })

  it('takes the first run as it is, and an eighth of each later one', () => {
    const slot = slotWith(1)
    slot.learn(80)
    expect(slot.took).toBe(80)
    slot.learn(160)
    expect(slot.took).toBe(90)
  })
})
