import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { NodeRuntime } from './node-runtime.js'
import { TraceHash } from './trace-hash.js'

function node(time: VirtualTime, name = 'a'): NodeRuntime {
  return new NodeRuntime(time, new TraceHash(), 1, name, 0)
}

describe('NodeRuntime', () => {
  it('fires timers a little late and never early', () => {
    const time = new VirtualTime()
    const runtime = node(time)
    const fired: number[] = []
    for (let delay = 0; delay < 100; delay++) runtime.timer(delay, () => fired.push(time.now - delay))
    time.advance(1_000)
    expect(fired).toHaveLength(100)
    for (const lateness of fired) {
      expect(lateness).toBeGreaterThanOrEqual(0)
      expect(lateness).toBeLessThan(5)
    }
    expect(runtime.timers).toBe(0)
  })

  it('tells how much of a time it was awake', () => {
    const time = new VirtualTime()
    const runtime = node(time)
    for (const _ of [1, 2]) {
      time.advance(1_000)
      runtime.freeze()
      time.advance(5_000)
      runtime.thaw()
    }
    expect(runtime.awakeBetween(0, 12_000)).toBe(2_000)
    expect(runtime.awakeBetween(500, 7_500)).toBe(1_500)
    expect(runtime.awakeBetween(2_000, 3_000)).toBe(0)
    expect(runtime.awakeBetween(3_000, 2_000)).toBe(0)
  })

  it('holds timers and events of a frozen page, then floods it with them in their order', () => {
    const time = new VirtualTime()
    const runtime = node(time)
    const order: string[] = []
    runtime.timer(2_000, () => order.push('timer'))
    runtime.later(1_000, () => order.push('frame'))
    runtime.freeze()
    time.advance(10_000)
    expect(order).toEqual([])
    expect(runtime.backlog).toBe(2)
    runtime.thaw()
    time.advance(0)
    expect(order).toEqual(['frame', 'timer'])
    expect(runtime.sleptFor).toBe(10_000)
    expect(runtime.lateness).toBeGreaterThan(7_900)
  })

  it('floods with the timers first, or the frames, when told so', () => {
    for (const [order, expected] of [
      ['timers-first', ['timer', 'frame']],
      ['frames-first', ['frame', 'timer']],
    ] as const) {
      const time = new VirtualTime()
      const runtime = node(time)
      const seen: string[] = []
      runtime.timer(order === 'timers-first' ? 2_000 : 500, () => seen.push('timer'))
      runtime.later(1_000, () => seen.push('frame'))
      runtime.freeze()
      time.advance(10_000)
      runtime.thaw(order)
      time.advance(0)
      expect(seen).toEqual(expected)
    }
  })

  it('takes back a timer that waits for the thaw', () => {
    const time = new VirtualTime()
    const runtime = node(time)
    let hasFired = false
    const timer = runtime.timer(100, () => {
      hasFired = true
    })
    runtime.freeze()
    time.advance(1_000)
    runtime.thaw()
    timer.cancel()
    time.advance(1_000)
    expect(hasFired).toBe(false)
    expect(runtime.timers).toBe(0)
  })

  it.each([
    ['second', 1_000],
    ['minute', 60_000],
  ] as const)('wakes a page once a %s, for timers only', (mode, period) => {
    const time = new VirtualTime()
    const runtime = node(time)
    const ticks: number[] = []
    const again = (): void => {
      ticks.push(time.now)
      runtime.timer(10, again)
    }
    runtime.setTimerMode(mode)
    runtime.timer(10, again)
    let frameAt = 0
    runtime.later(period / 2, () => {
      frameAt = time.now
    })
    time.advance(5 * period)
    expect(frameAt).toBe(period / 2)
    expect(ticks.map((tick) => Math.floor(tick / period))).toEqual([1, 2, 3, 4, 5])
    runtime.setTimerMode('exact')
    time.advance(2 * period)
    expect(ticks.length).toBeGreaterThan(20)
  })

  it('runs nothing of a page that is gone', () => {
    const time = new VirtualTime()
    const runtime = node(time)
    let runs = 0
    runtime.timer(10, () => runs++)
    runtime.later(10, () => runs++)
    runtime.stop()
    runtime.timer(10, () => runs++)
    time.advance(1_000)
    expect(runs).toBe(0)
  })

  it('has clocks of its own: a skewed wall clock that jumps, and a monotonic one that does not', () => {
    const time = new VirtualTime()
    const [a, b] = [node(time, 'a'), node(time, 'b')]
    expect(a.wallClock()).not.toBe(b.wallClock())
    expect(Math.abs(a.wallClock() - b.wallClock())).toBeLessThanOrEqual(2_000)
    expect(a.now()).not.toBe(b.now())
    const [now, wall] = [a.now(), a.wallClock()]
    a.jumpWallClock(-3_600_000)
    time.advance(1_000)
    expect(a.now()).toBe(now + 1_000)
    expect(a.wallClock()).toBe(wall + 1_000 - 3_600_000)
  })

  it('draws the same row of chance whatever other nodes there are', () => {
    const alone = node(new VirtualTime(), 'a')
    const time = new VirtualTime()
    const among = [node(time, 'b'), node(time, 'a')][1]
    expect(among?.random()).toBe(alone.random())
  })
})
