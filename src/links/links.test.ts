import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { MemoryNetwork, type MemoryNetworkOptions } from './adapters/memory.js'
import type { RelayPolicy } from './index.js'
import { TestPeer } from './testing/test-peer.js'

function pair(
  options: MemoryNetworkOptions = {},
  peerOptions: { relay?: RelayPolicy; direct?: boolean } = {},
) {
  const time = new VirtualTime('links')
  const network = new MemoryNetwork(time.runtime('network'), options)
  const a = new TestPeer('a', time.runtime('a'), network, peerOptions)
  const b = new TestPeer('b', time.runtime('b'), network, peerOptions)
  return { time, network, a, b }
}

describe('two peers in a room', () => {
  it('are joined by the relay first, then directly', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    expect(a.log).toEqual(['opened b', 'changed b relay', 'changed b memory'])
    expect(b.log).toEqual(['opened a', 'changed a relay', 'changed a memory'])
  })

  it('exchange messages in order', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    for (let number = 0; number < 1_000; number++) expect(a.send('b', number)).toBe(true)
    time.advance(1_000)
    expect(b.received).toEqual(Array.from({ length: 1_000 }, (_, number) => number))
  })

  it('loses and doubles nothing when the direct link breaks with messages under way', () => {
    const { time, network, a, b } = pair()
    time.advance(1_000)
    for (let number = 0; number < 10_000; number++) {
      a.send('b', number)
      if (number % 1_000 === 500) network.breakLinks('a', 'b')
      if (number % 10 === 0) time.advance(1)
    }
    time.advance(10_000)
    expect(b.received).toEqual(Array.from({ length: 10_000 }, (_, number) => number))
    expect(a.links.kind('b')).toBe('memory')
    expect(a.links.stats().peers.b?.resends).toBeGreaterThan(0)
  })

  it('stay on the relay where no direct link can be made, and turn direct when one can', () => {
    let isBlocked = true
    const { time, network, a, b } = pair({ passes: (_from, _to, way) => way !== 'direct' || !isBlocked })
    time.advance(30_000)
    expect(a.links.kind('b')).toBe('relay')
    a.send('b', 'by relay')
    isBlocked = false
    network.refresh()
    time.advance(120_000)
    expect(a.links.kind('b')).toBe('memory')
    expect(b.received).toEqual(['by relay'])
    expect(a.log.filter((line) => line.startsWith('interrupted'))).toEqual([])
  })

  it('go on by direct link without the server', () => {
    const { time, network, a, b } = pair()
    time.advance(1_000)
    network.setServer(false)
    time.advance(60_000)
    a.send('b', 'still here')
    time.advance(100)
    expect(b.received).toEqual(['still here'])
  })

  it('carry large messages whole', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    const value = new Uint8Array(1_000_000).map((_, index) => index % 251)
    expect(a.send('b', value)).toBe(true)
    time.advance(2_000)
    expect(b.received).toHaveLength(1)
    expect(Buffer.compare(b.received[0] as Uint8Array, value)).toBe(0)
  })
})
