import { describe, expect, it } from 'vitest'
import type { DialedLink } from '../links/index.js'
import { VirtualTime } from '../runtime/index.js'
import { MeshNetwork } from './mesh-network.js'
import { TraceHash } from './trace-hash.js'

/** Two pages, 0 and 1, with a direct link between them, whose frames are noted as they arrive at the second. */
function twoPages(loss = 0) {
  const time = new VirtualTime(1)
  const network = new MeshNetwork({
    time,
    hash: new TraceHash(),
    seed: 1,
    network: { loss, delay: () => 10 },
    numberOf: (id) => (id === 'a' ? 0 : 1),
  })
  const arrived: [at: number, frame: number][] = []
  const closed: string[] = []
  const ends: DialedLink[] = []
  const dial = (self: string, remote: string, initiator: boolean): DialedLink =>
    network.open(self, self).openDirect(
      remote,
      initiator,
      [],
      (payload) => ends[initiator ? 1 : 0]?.signal(payload),
      {
        open: () => {},
        frame: (bytes) => arrived.push([time.now, bytes[0] ?? 0]),
        drain: () => {},
        trouble: () => {},
        close: () => closed.push(self),
      },
      1,
    )
  ends.push(dial('a', 'b', true), dial('b', 'a', false))
  time.advance(5_000)
  const send = (frame: number): number => {
    ends[0]?.send(new Uint8Array([frame]))
    return time.now
  }
  return { time, network, arrived, closed, send }
}

describe('the network of a simulated mesh', () => {
  it('carries frames with the delay that it is given, and what is lost comes late', () => {
    const { time, network, arrived, send } = twoPages()
    const sentAt = send(1)
    time.advance(100)
    network.set({ loss: 1, delay: () => 10 })
    const lostAt = send(2)
    time.advance(5_000)
    expect(arrived.map(([, frame]) => frame)).toEqual([1, 2])
    expect(arrived[0]?.[0]).toBeCloseTo(sentAt + 10, 0)
    expect(arrived[1]?.[0]).toBeCloseTo(lostAt + 1_010, 0)
  })

  it('knows whether a fault is in force', () => {
    const { network } = twoPages()
    expect(network.isUndisturbed).toBe(true)
    const heal = network.cut(() => true)
    expect(network.isUndisturbed).toBe(false)
    heal()
    const end = network.interfere(() => {})
    expect(network.isUndisturbed).toBe(false)
    end()
    network.setServer(false)
    expect(network.isUndisturbed).toBe(false)
    network.setServer(true)
    expect(network.isUndisturbed).toBe(true)
  })

  it('is not undisturbed while what a fault held back is under way: all that is sent later waits in line behind it', () => {
    const { time, network, arrived, send } = twoPages()
    const end = network.interfere((_from, _to, fate) => {
      fate.delay += 5_000
    })
    send(1)
    time.advance(10)
    end()
    send(2)
    while (arrived.length < 2) {
      expect(network.isUndisturbed).toBe(false)
      time.advance(100)
    }
    time.advance(10_000)
    expect(network.isUndisturbed).toBe(true)
  })

  it('lets interferences bend the fate of what is sent, by the numbers of the pages', () => {
    const { time, network, arrived, send } = twoPages()
    network.interfere((from, to, fate) => {
      if (from === 0 && to === 1) fate.delay += 500
    })
    const sentAt = send(1)
    time.advance(1_000)
    expect(arrived[0]?.[0]).toBeCloseTo(sentAt + 510, 0)
  })

  it('holds back what is sent into a cut until it heals', () => {
    const { time, network, arrived, send } = twoPages()
    const heal = network.cut((from, to) => from !== to)
    send(1)
    time.advance(1_000)
    expect(arrived).toEqual([])
    heal()
    time.advance(5_000)
    expect(arrived.map(([, frame]) => frame)).toEqual([1])
  })

  it('breaks a link that is severed', () => {
    const { time, network, closed } = twoPages()
    network.sever('a', 'b')
    time.advance(5_000)
    expect(closed.sort()).toEqual(['a', 'b'])
  })
})
