import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { FlowWindow } from './flow-window.js'
import { sessionSettings } from './session-settings.js'

const most = 1024 * 1024
const frame = 32 * 1024

/** Lets `rounds` windows pass over a way that carries `rate` bytes a millisecond after `trip` milliseconds. */
function settledWay(trip: number, rate: number, rounds = 100): { time: VirtualTime; window: FlowWindow } {
  const time = new VirtualTime()
  const window = new FlowWindow(time.runtime(), most)
  for (let number = 0; number < rounds; number++) {
    const { bytes } = window
    window.sent(number, frame, bytes)
    window.limited()
    time.advance(Math.max(trip, bytes / rate))
    window.acknowledged(number + 1)
  }
  return { time, window }
}

function settledWindow(trip: number, rate: number, rounds?: number): FlowWindow {
  return settledWay(trip, rate, rounds).window
}

function settled(trip: number, rate: number): number {
  return settledWindow(trip, rate).bytes
}

describe('the window of a session', () => {
  it('opens as far as it may on a long, fast way', () => {
    expect(settled(100, 1_000_000)).toBe(most)
  })

  it('stays near what the way holds, where more would only queue', () => {
    // 30,000 bytes a millisecond for 20 ms are 600,000 bytes under way.
    const bytes = settled(20, 30_000)
    expect(bytes).toBeGreaterThan(500_000)
    const { queueingDelay, queueingShare } = sessionSettings
    expect(bytes).toBeLessThanOrEqual(600_000 + 30_000 * Math.max(queueingDelay, 20 * queueingShare) + 1)
  })

  it('leaves all of it to bulk until it knows the speed of the way', () => {
    const window = settledWindow(20, 30_000, 3)
    expect(window.bytesUnqueued).toBe(window.bytes)
  })

  it('knows how much of it only queues, once frames had the way for themselves', () => {
    const { time, window } = settledWay(20, 30_000)
    expect(window.bytesUnqueued).toBe(sessionSettings.leastUnqueuedBytes)
    const alone = sessionSettings.leastUnqueuedBytes
    // The first are held up by chance.
    for (const [index, late] of [30, 5, 0, 40].entries()) {
      window.sent(100 + index, alone, alone + 100)
      time.advance(20 + alone / 30_000 + late)
      window.acknowledged(101 + index)
    }
    // The 600,000 bytes of the way, and a share of them.
    expect(window.bytesUnqueued).toBeGreaterThan(540_000 * sessionSettings.yieldingShare)
    expect(window.bytesUnqueued).toBeLessThan(660_000 * sessionSettings.yieldingShare)
    // Believed for ten seconds, and then to be seen again.
    time.advance(10_000)
    expect(window.bytesUnqueued).toBe(sessionSettings.leastUnqueuedBytes)
  })

  it('finds the way again when it has become longer', () => {
    const time = new VirtualTime()
    const window = new FlowWindow(time.runtime(), most)
    for (let number = 0; time.now < 60_000; number++) {
      const trip = time.now < 20_000 ? 5 : 50
      const { bytes } = window
      window.sent(number, frame, bytes)
      window.limited()
      time.advance(Math.max(trip, bytes / 10_000))
      window.acknowledged(number + 1)
    }
    // 10,000 bytes a millisecond for 50 ms.
    expect(window.bytes).toBeGreaterThan(450_000)
    expect(window.bytes).toBeLessThan(700_000)
  })

  it('never falls below its least, nor above its most', () => {
    expect(settled(1, 10)).toBeGreaterThanOrEqual(sessionSettings.leastWindowBytes)
    const time = new VirtualTime()
    const relay = new FlowWindow(time.runtime(), sessionSettings.relayWindowBytes)
    expect(relay.bytes).toBe(sessionSettings.relayWindowBytes)
  })

  it('does not learn from a sender that had nothing more to send', () => {
    const time = new VirtualTime()
    const window = new FlowWindow(time.runtime(), most)
    const before = window.bytes
    for (let number = 0; number < 50; number++) {
      window.sent(number, 100, 100)
      time.advance(50)
      window.acknowledged(number + 1)
    }
    expect(window.bytes).toBe(before)
  })
})
