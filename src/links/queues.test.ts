import { describe, expect, it } from 'vitest'
import { priorities } from '../wire/index.js'
import { pair } from './testing/pair.js'
import { user } from './testing/test-peer.js'

describe('a queue', () => {
  it('lets urgent messages overtake bulk', () => {
    const { time, a, b } = pair({ bytesPerMillisecond: 1_000 })
    time.advance(1_000)
    const arrived: string[] = []
    b.onValue = (value) => arrived.push(typeof value === 'string' ? value : 'bulk')
    for (let count = 0; count < 4; count++) a.links.send('b', user(new Uint8Array(500_000)), priorities.bulk)
    time.advance(10)
    a.links.send('b', user('urgent'), priorities.control)
    time.advance(400)
    expect(arrived).toEqual(['urgent'])
    time.advance(10_000)
    expect(arrived).toEqual(['urgent', 'bulk', 'bulk', 'bulk', 'bulk'])
  })

  it('of bulk makes room for urgent messages that keep coming, and fills the way when they do not', () => {
    /** How long urgent messages take at the median, one every so many milliseconds, and the bulk beside them. */
    const measured = (every: number) => {
      const { time, a, b } = pair({ bytesPerMillisecond: 20_000, delay: () => 2 })
      time.advance(1_000)
      const waits: number[] = []
      let bulk = 0
      b.onValue = (value) => {
        if (typeof value === 'number') waits.push(time.now - value)
        else bulk++
      }
      const chunk = new Uint8Array(16_384)
      for (let next = time.now; time.now < 4_000; time.advance(1)) {
        while (a.links.send('b', user(chunk), priorities.bulk));
        if (time.now < next) continue
        a.links.send('b', user(time.now), priorities.control)
        next += every
      }
      return { wait: waits.sort((x, y) => x - y)[waits.length >> 1] as number, bulk }
    }
    const [often, seldom] = [measured(10), measured(250)]
    expect(often.wait).toBeLessThan(seldom.wait / 2)
    expect(often.bulk).toBeGreaterThan(seldom.bulk / 3)
  })

  it('is bounded, says so, and says when there is room again', () => {
    const { time, a, b } = pair({ bytesPerMillisecond: 1_000 })
    time.advance(1_000)
    let taken = 0
    while (a.send('b', new Uint8Array(100_000))) taken++
    expect(a.links.queued('b')).toBeLessThan(6_000_000)
    expect(a.log).not.toContain('drained b')
    time.advance(20_000)
    expect(a.log).toContain('drained b')
    expect(b.received).toHaveLength(taken)
    expect(a.links.queued('b')).toBe(0)
  })

  it('puts many small messages into few frames while a link is busy', () => {
    const { time, a, b } = pair({ bytesPerMillisecond: 1_000 })
    time.advance(1_000)
    const before = a.links.stats().framesSent
    for (let number = 0; number < 2_000; number++) a.send('b', number)
    time.advance(2_000)
    expect(b.received).toHaveLength(2_000)
    expect(a.links.stats().framesSent - before).toBeLessThan(20)
  })

  it('sends a single message at once', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    a.send('b', 'now')
    time.advance(1)
    expect(b.received).toEqual(['now'])
  })

  it('does not take what is too long, nor what is for nobody', () => {
    const { time, a } = pair()
    time.advance(1_000)
    expect(a.send('b', new Uint8Array(9_000_000))).toBe(false)
    expect(a.send('stranger', 1)).toBe(false)
  })
})
