import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { nearDelay, tailDelay, uniformDelay } from './delays.js'
import { type Endpoint, Network, type NetworkOptions } from './network.js'
import { NodeRuntime } from './node-runtime.js'
import { TraceHash } from './trace-hash.js'

function pair(options: NetworkOptions) {
  const time = new VirtualTime()
  const hash = new TraceHash()
  const network = new Network<number>(time, hash, 1, options)
  const received: { frame: number; at: number }[] = []
  const [a, b] = [0, 1].map(
    (number): Endpoint<number> => ({
      number,
      runtime: new NodeRuntime(time, hash, 1, `${number}`, number),
      networkChance: network.chanceFor(`${number}`),
      receive: (_from, frame) => received.push({ frame, at: time.now }),
    }),
  ) as [Endpoint<number>, Endpoint<number>]
  return { time, network, received, a, b }
}

describe('delays', () => {
  it.each([
    ['tail', tailDelay, 20, 400],
    ['uniform', uniformDelay, 20, 400],
    ['near', nearDelay, 0, 3],
  ] as const)('of kind %s stay within their bounds', (_name, delay, low, high) => {
    const { network } = pair({ loss: 0, delay })
    const chance = network.chanceFor('bounds')
    const drawn = Array.from({ length: 10_000 }, () => delay(chance)).sort((one, other) => one - other)
    expect(drawn[0]).toBeGreaterThanOrEqual(low)
    expect(drawn.at(-1)).toBeLessThanOrEqual(high)
  })
})

describe('Network', () => {
  it('loses, delays and reorders by chance', () => {
    const { time, network, received, a, b } = pair({ loss: 0.1, delay: tailDelay })
    for (let frame = 0; frame < 10_000; frame++) network.send(a, b, frame)
    time.advance(400)
    expect(received.length).toBe(network.delivered)
    expect(network.delivered + network.lost).toBe(10_000)
    expect(Math.abs(network.lost - 1_000)).toBeLessThan(150)
    expect(received.map(({ frame }) => frame)).not.toEqual(
      [...received].map(({ frame }) => frame).sort((x, y) => x - y),
    )
  })

  it('lets an interference drop and copy, until it ends, and shifts nobody else’s chance', () => {
    const undisturbed = pair({ loss: 0.1, delay: tailDelay })
    for (let frame = 0; frame < 100; frame++) undisturbed.network.send(undisturbed.a, undisturbed.b, frame)
    undisturbed.time.advance(1_000)

    const { time, network, received, a, b } = pair({ loss: 0.1, delay: tailDelay })
    const heal = network.interfere((from, _to, fate) => {
      if (from === 0) fate.isDropped = true
    })
    for (let frame = 0; frame < 50; frame++) network.send(a, b, frame)
    heal()
    for (let frame = 50; frame < 100; frame++) network.send(a, b, frame)
    time.advance(1_000)
    expect(received).toEqual(undisturbed.received.filter(({ frame }) => frame >= 50))

    received.length = 0
    network.interfere((_from, _to, fate) => {
      fate.isDropped = false
      fate.extraCopies = 2
    })
    network.send(a, b, 7)
    time.advance(2_000)
    expect(received.map(({ frame }) => frame)).toEqual([7, 7, 7])
  })

  it('keeps what comes for a frozen node and drops what comes for one that is gone', () => {
    const { time, network, received, a, b } = pair({ loss: 0, delay: nearDelay })
    b.runtime.freeze()
    network.send(a, b, 1)
    time.advance(100)
    expect(received).toEqual([])
    b.runtime.thaw()
    time.advance(0)
    expect(received.map(({ frame }) => frame)).toEqual([1])
    b.runtime.stop()
    network.send(a, b, 2)
    time.advance(100)
    expect(received).toHaveLength(1)
    expect(network.lost).toBe(1)
  })
})
