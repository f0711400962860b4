import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../wire/index.js'
import { pair } from './testing/pair.js'

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

  it.each([
    ['what was sent', 'a'],
    ['the news that it came', 'b'],
  ])('get over a relay that loses %s, though nothing more is sent that would show the gap', (_what, from) => {
    let isLost = false
    const { time, a, b } = pair(
      { carried: (sender, _to, bytes) => (isLost && sender === from ? [] : [bytes]) },
      { relay: 'only' },
    )
    time.advance(1_000)
    isLost = true
    // More than the window of a relay: what waits behind it could never leave.
    for (let number = 0; number < 40; number++) a.send('b', new Uint8Array(10_000).fill(number))
    time.advance(2_000)
    isLost = false
    time.advance(20_000)
    expect(b.received.map((bytes) => (bytes as Uint8Array)[0])).toEqual(
      Array.from({ length: 40 }, (_, n) => n),
    )
    expect(a.links.queued('b')).toBe(0)
  })

  it('find each other again though each hears an old greeting of the other first, and lose nothing that was sent since', () => {
    let isCut = false
    const old = new Map<string, Uint8Array>()
    const { time, a, b } = pair(
      {
        carried: (from, _to, frame) => {
          const message = decodeMessage(frame)
          const isFirst = message.type === 'session.hello' && message.peerSession === 0
          if (isFirst && !old.has(from)) old.set(from, frame.slice())
          return isCut ? [] : [frame]
        },
      },
      { relay: 'only' },
    )
    time.advance(1_000)
    isCut = true
    for (const { links } of [a, b]) links.disconnect(links === a.links ? 'b' : 'a', 'dead')
    a.links.connect('b')
    b.links.connect('a')
    a.links.relayed('b', old.get('b') as Uint8Array)
    b.links.relayed('a', old.get('a') as Uint8Array)
    a.send('b', 'after')
    b.send('a', 'after')
    isCut = false
    const before = a.links.stats().refused['stale-greeting'] ?? 0
    time.advance(10_000)
    expect(a.links.kind('b')).toBe('relay')
    expect([a.received, b.received]).toEqual([['after'], ['after']])
    // It takes a few words, not an endless quarrel.
    expect((a.links.stats().refused['stale-greeting'] ?? 0) - before).toBeLessThan(5)
  })

  it('take nothing that was sent to a session which has ended, though it comes late and behind a greeting as old', () => {
    const late: Uint8Array[] = []
    const { time, a, b } = pair(
      {
        carried: (from, _to, frame) => {
          const message = decodeMessage(frame)
          const isOld =
            message.type === 'session.hello' ? message.peerSession === 0 : message.type === 'session.data'
          if (from === 'a' && isOld) late.push(frame.slice())
          return [frame]
        },
      },
      { relay: 'only' },
    )
    time.advance(1_000)
    a.send('b', 'once')
    time.advance(1_000)
    expect(b.received).toEqual(['once'])
    b.links.disconnect('a', 'dead')
    b.links.connect('a')
    for (const frame of late.splice(0)) b.links.relayed('a', frame)
    expect(b.received).toEqual(['once'])
    time.advance(10_000)
    a.send('b', 'after')
    time.advance(1_000)
    expect(b.received).toEqual(['once', 'after'])
  })

  it('take the relay up again at once when the one that closed it calls, as it does with a peer that it held for dead', () => {
    const { time, a, b } = pair({}, { relay: 'only' })
    time.advance(1_000)
    a.links.disconnect('b', 'dead')
    time.advance(100)
    expect(b.links.kind('a')).toBe('none')
    a.links.connect('b')
    time.advance(1_000)
    expect([a.links.kind('b'), b.links.kind('a')]).toEqual(['relay', 'relay'])
  })

  it('leave the relay alone for a while that they closed for bad frames', () => {
    const { time, a, b } = pair({}, { relay: 'only' })
    time.advance(1_000)
    b.links.relayed('a', Uint8Array.of(255, 255, 255))
    expect(b.links.kind('a')).toBe('none')
    b.links.relayed('a', encodeMessage({ type: 'session.echo', stamp: 0, answer: false }))
    time.advance(4_000)
    expect(b.links.kind('a')).toBe('none')
    time.advance(4_000)
    expect([a.links.kind('b'), b.links.kind('a')]).toEqual(['relay', 'relay'])
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

describe('a peer that was disconnected', () => {
  it('is connected anew with a session of its own, and nothing of the old one arrives', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    a.send('b', 'before')
    time.advance(100)
    a.links.disconnect('b', 'dead')
    a.links.connect('b')
    for (let number = 0; number < 10; number++) a.send('b', number)
    time.advance(3_000)
    expect(a.links.kind('b')).toBe('memory')
    time.advance(27_000)
    expect(b.received).toEqual(['before', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    b.send('a', 'back')
    time.advance(1_000)
    expect(a.received).toEqual(['back'])
    expect(a.links.stats().disconnected).toEqual({ dead: 1 })
    expect(b.links.stats().resets).toBeGreaterThan(0)
  })

  it('is told, and the reason is counted at both ends', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    a.links.disconnect('b', 'dead')
    time.advance(100)
    expect(a.links.kind('b')).toBe('none')
    expect(b.log.at(-1)).toBe('interrupted a')
    expect(Object.keys(b.links.stats().closed)).toContain('peer: dead')
  })
})

describe('a peer that vanished', () => {
  it('is noticed as troubled first, then gone', () => {
    const { time, network, a } = pair()
    time.advance(1_000)
    network.crash('b')
    time.advance(5_000)
    expect(a.log).not.toContain('interrupted b')
    time.advance(2_000)
    expect(a.log).toContain('interrupted b')
    time.advance(10_000)
    expect(a.links.kind('b')).toBe('none')
  })
})

describe('a policy', () => {
  it('of only the relay dials nobody', () => {
    const { time, a, b } = pair({}, { relay: 'only' })
    time.advance(30_000)
    a.send('b', 'by relay')
    time.advance(100)
    expect(b.received).toEqual(['by relay'])
    expect(a.links.stats().dials).toBe(0)
    expect(a.links.kind('b')).toBe('relay')
  })

  it('of never the relay sends nothing through the server but dials', () => {
    const { time, a } = pair({ passes: (_from, _to, way) => way === 'server' }, { relay: 'never' })
    time.advance(30_000)
    expect(a.links.kind('b')).toBe('none')
    expect(a.links.stats().framesSent).toBe(0)
  })
})
