import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { sessionSettings } from './session-settings.js'
import { Way } from './testing/way.js'

const { queueingDelay, queueingShare, waitingShare, shortFrameBytes, relayWindowBytes, windowBytes } =
  sessionSettings

/** 10 MB/s, 50 ms there and back. */
const long = { trip: 50, rate: 10_000 }
/** 30 MB/s, 1 ms: two pages of one machine. */
const near = { trip: 1, rate: 30_000 }
/** 500 KB/s, 30 ms. */
const slow = { trip: 30, rate: 500 }

function way(options: { trip: number; rate: number }, bulkBytes?: number): Way {
  return new Way(new VirtualTime(), options, bulkBytes)
}

const longest = (waits: readonly number[]): number => Math.max(...waits)

describe('the window of a session', () => {
  it.each([
    ['long', long],
    ['near', near],
    ['slow', slow],
  ])('fills a way that is %s, with messages of any length', (_name, options) => {
    for (const bytes of [1_000, 16 * 1024, 50_000, 100 * shortFrameBytes]) {
      const filled = way(options, bytes)
      filled.pass(1_000)
      // Beyond the ten seconds after which the shortest delay is to be seen again.
      expect(filled.pass(25_000)).toBeGreaterThan(0.95)
    }
  })

  it('queues no more than it says where only bulk is under way', () => {
    for (const options of [long, near]) {
      const filled = way(options)
      filled.pass(3_000)
      filled.urgent()
      filled.pass(1_000)
      const queueing = Math.max(queueingDelay, options.trip * queueingShare)
      expect(longest(filled.waits)).toBeLessThanOrEqual(
        queueing + sessionSettings.longFrameBytes / options.rate,
      )
    }
  })

  it('has an urgent message wait for no more than a share of the time since the one before', () => {
    for (const options of [long, near])
      for (const pause of [5, 20, 100]) {
        const filled = way(options)
        filled.pass(3_000, 400)
        filled.pass(1_000, pause)
        filled.waits.length = 0
        filled.pass(3_000, pause)
        const frame = (2 * sessionSettings.shortFrameBytes) / options.rate
        expect(longest(filled.waits)).toBeLessThanOrEqual(
          Math.min(queueingDelay, pause * waitingShare) + 4 * frame,
        )
      }
  })

  it('still fills most of a long way while urgent messages keep coming, and never lets bulk starve', () => {
    const filled = way(long)
    filled.pass(3_000)
    filled.pass(1_000, 1)
    expect(filled.pass(10_000, 1)).toBeGreaterThan(0.6)
    const busy = way(near)
    busy.pass(3_000)
    busy.pass(1_000, 1)
    expect(busy.pass(5_000, 1)).toBeGreaterThan(0.2)
  })

  it('leaves bulk its frame beside urgent messages of which more are under way than that', () => {
    const filled = way(long)
    filled.urgentBytes = 1_000
    filled.pass(3_000)
    filled.pass(1_000, 1)
    expect(filled.pass(5_000, 1)).toBeGreaterThan(0.6)
  })

  it('sends short frames, one at a time, where urgent messages keep coming between near pages', () => {
    const filled = way(near)
    filled.pass(3_000)
    expect(filled.longestFrame).toBeGreaterThan(3 * shortFrameBytes)
    filled.pass(100, 1)
    filled.longestFrame = 0
    for (let round = 0; round < 100; round++) {
      filled.pass(1, 0.5)
      expect(filled.underWay).toBeLessThan(2 * shortFrameBytes)
    }
    expect(filled.longestFrame).toBeLessThanOrEqual(shortFrameBytes)
  })

  it('finds the way again when it has become longer', () => {
    const filled = way({ trip: 5, rate: 10_000 })
    filled.pass(20_000)
    filled.trip = 50
    filled.pass(20_000)
    expect(filled.pass(5_000)).toBeGreaterThan(0.95)
    expect(filled.underWay).toBeLessThanOrEqual(
      10_000 * (50 + queueingDelay) + sessionSettings.longFrameBytes,
    )
  })

  it('empties a way that has become slower, as far as the least goes', () => {
    const filled = way(long)
    filled.pass(5_000)
    filled.rate = 1_000
    filled.pass(15_000)
    expect(filled.underWay).toBeLessThanOrEqual(
      Math.max(sessionSettings.leastWindowBytes, 1_000 * (50 + 2 * queueingDelay)) +
        sessionSettings.longFrameBytes,
    )
  })

  it('has never more under way than the most, which is less on the relay', () => {
    for (const [kind, most] of [
      ['direct', windowBytes],
      ['relay', relayWindowBytes],
    ] as const) {
      const filled = new Way(new VirtualTime(), { trip: 200, rate: 100_000 }, 1_000, kind)
      for (let round = 0; round < 20_000; round += 10) {
        filled.pass(10)
        expect(filled.underWay).toBeLessThan(most + sessionSettings.longFrameBytes)
      }
      expect(filled.underWay).toBeGreaterThan(most * 0.9)
    }
  })
})
