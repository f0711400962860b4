import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { decodeMessage, encodeMessage, priorities } from '../wire/index.js'
import { MemoryNetwork, type MemoryNetworkOptions } from './adapters/memory.js'
import type { RelayPolicy } from './index.js'
import { peer, TestPeer, user } from './testing/test-peer.js'

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
    a.links.connect(peer('b'))
    b.links.connect(peer('a'))
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
    b.links.connect(peer('a'))
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
    a.links.connect(peer('b'))
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

describe('a peer that was disconnected', () => {
  it('is connected anew with a session of its own, and nothing of the old one arrives', () => {
    const { time, a, b } = pair()
    time.advance(1_000)
    a.send('b', 'before')
    time.advance(100)
    a.links.disconnect('b', 'dead')
    a.links.connect({ id: 'b', kind: 'tab', weight: 1, host: 'b' })
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

describe('dials', () => {
  it('are at most four at a time and fifteen in three seconds, and all come to pass', () => {
    const time = new VirtualTime('dials')
    const network = new MemoryNetwork(time.runtime('network'), { delay: () => 100 })
    // Twice as many as a page may dial at once: it dials about half of them, and the others dial it.
    const others = Array.from({ length: 60 }, (_, index) => `p${index + 10}`)
    for (const id of others) new TestPeer(id, time.runtime(id), network)
    time.advance(40_000)
    const open = network.direct.bind(network)
    const dials: number[] = []
    network.direct = (self) => {
      const direct = open(self)
      return (remote, isInitiator, ...parameters) => {
        if (self === 'a' && isInitiator) dials.push(time.now)
        return direct(remote, isInitiator, ...parameters)
      }
    }
    const a = new TestPeer('a', time.runtime('a'), network)
    for (let tick = 0; tick < 2_000; tick++) {
      time.advance(10)
      expect(a.links.stats().dialing).toBeLessThanOrEqual(4)
    }
    expect(dials.length).toBeGreaterThan(15)
    for (let dial = 15; dial < dials.length; dial++)
      expect((dials[dial] as number) - (dials[dial - 15] as number)).toBeGreaterThanOrEqual(3_000)
    for (const id of others) expect(a.links.kind(id)).toBe('memory')
  })

  it('are shared out among many that enter at once, so that none has them all to make', () => {
    const time = new VirtualTime('shared')
    const network = new MemoryNetwork(time.runtime('network'), { delay: () => 20 })
    const open = network.direct.bind(network)
    const dials = new Map<string, number>()
    network.direct = (self) => {
      const direct = open(self)
      return (remote, isInitiator, ...parameters) => {
        if (isInitiator) dials.set(self, (dials.get(self) ?? 0) + 1)
        return direct(remote, isInitiator, ...parameters)
      }
    }
    const peers = Array.from({ length: 16 }, (_, index) => {
      const id = `p${index + 10}`
      return new TestPeer(id, time.runtime(id), network)
    })
    time.advance(5_000)
    for (const one of peers)
      for (const other of peers) if (one !== other) expect(one.links.kind(other.id)).toBe('memory')
    expect([...dials.values()].reduce((sum, count) => sum + count)).toBe(120)
    expect(Math.max(...dials.values())).toBeLessThan(13)
  })

  it('are proven though the first greeting over the link is lost', () => {
    const time = new VirtualTime('lost greeting')
    const network = new MemoryNetwork(time.runtime('network'))
    const open = network.direct.bind(network)
    network.direct = (self) => {
      const direct = open(self)
      return (...parameters) => {
        const link = direct(...parameters)
        if (self !== 'b') return link
        // As Chromium may: what comes just before a channel is open at that end is dropped.
        const send = link.send.bind(link)
        let isFirst = true
        link.send = (frame) => {
          if (!isFirst) send(frame)
          isFirst = false
        }
        return link
      }
    }
    const a = new TestPeer('a', time.runtime('a'), network, { relay: 'never' })
    const b = new TestPeer('b', time.runtime('b'), network, { relay: 'never' })
    time.advance(1_500)
    expect(a.links.kind('b')).toBe('memory')
    expect(b.links.kind('a')).toBe('memory')
    expect(a.links.stats().dials).toBe(1)
  })

  it('of strangers are kept until this peer is told to connect', () => {
    const time = new VirtualTime('early')
    const network = new MemoryNetwork(time.runtime('network'))
    const b = new TestPeer('b', time.runtime('b'), network, { relay: 'never' })
    const hold: string[] = []
    const connect = b.links.connect.bind(b.links)
    b.links.connect = (peer) => hold.push(peer.id)
    const a = new TestPeer('a', time.runtime('a'), network, { relay: 'never' })
    time.advance(1_000)
    expect(hold).toEqual(['a'])
    connect({ id: 'a', kind: 'tab', weight: 1, host: 'a' })
    time.advance(100)
    expect(b.links.kind('a')).toBe('memory')
    expect(a.links.kind('b')).toBe('memory')
  })

  it('that the platform cannot even begin are tried again', () => {
    const time = new VirtualTime('impossible')
    const network = new MemoryNetwork(time.runtime('network'))
    let isPossible = false
    const open = network.direct.bind(network)
    network.direct = (self) => {
      const direct = open(self)
      return (...parameters) => {
        if (!isPossible) throw new Error('Cannot create so many PeerConnections')
        return direct(...parameters)
      }
    }
    const a = new TestPeer('a', time.runtime('a'), network)
    const b = new TestPeer('b', time.runtime('b'), network)
    time.advance(10_000)
    expect(a.links.kind('b')).toBe('relay')
    isPossible = true
    time.advance(60_000)
    expect(a.links.kind('b')).toBe('memory')
    expect(b.links.kind('a')).toBe('memory')
  })

  it.each(['a', 'b'])(
    'that come to nothing at the end of %s only are not waited for at the other',
    (failing) => {
      const time = new VirtualTime('one end')
      let isBlocked = true
      const network = new MemoryNetwork(time.runtime('network'), {
        passes: (_from, _to, way) => way === 'server' || !isBlocked,
      })
      const open = network.direct.bind(network)
      network.direct = (self) => {
        const direct = open(self)
        return (...parameters) => {
          const link = direct(...parameters)
          // As a browser that finds no candidates sees it, long before the other gives up.
          if (isBlocked && self === failing) time.timer(200, () => link.close('ICE failed'))
          return link
        }
      }
      const a = new TestPeer('a', time.runtime('a'), network)
      const b = new TestPeer('b', time.runtime('b'), network)
      time.advance(1_500)
      isBlocked = false
      network.refresh()
      // Two waits between dials at the most; the time-out of a dial is 15 s.
      time.advance(8_000)
      expect(a.links.kind('b')).toBe('memory')
      expect(b.links.kind('a')).toBe('memory')
      expect(a.links.stats().dials).toBeLessThan(6)
    },
  )

  it('that are given up before the other end has heard of them are refused by nobody', () => {
    const time = new VirtualTime('unheard')
    const network = new MemoryNetwork(time.runtime('network'))
    const open = network.direct.bind(network)
    let dials = 0
    network.direct = (self) => {
      const direct = open(self)
      return (remote, isInitiator, iceServers, signal, events, dial) => {
        // As where no candidate is found: the offer never leaves.
        const isDoomed = isInitiator && dials++ === 0
        const say = isDoomed ? () => {} : signal
        const link = direct(remote, isInitiator, iceServers, say, events, dial)
        if (isDoomed) time.timer(50, () => link.close('no candidates'))
        return link
      }
    }
    const a = new TestPeer('a', time.runtime('a'), network)
    const b = new TestPeer('b', time.runtime('b'), network)
    time.advance(10_000)
    expect(dials).toBe(2)
    expect(a.links.kind('b')).toBe('memory')
    for (const { links } of [a, b]) expect(links.stats().refused).toEqual({})
  })

  it('that fail are repeated less and less often', () => {
    const { time, a } = pair({ passes: (_from, _to, way) => way === 'server' })
    time.advance(600_000)
    const early = a.links.stats().dials
    time.advance(600_000)
    expect(a.links.stats().dials - early).toBeLessThan(30)
    expect(early).toBeGreaterThan(5)
    expect(a.links.kind('b')).toBe('relay')
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
