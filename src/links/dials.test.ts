import { describe, expect, it } from 'vitest'
import { type Timer, VirtualTime } from '../runtime/index.js'
import { encodeMessage } from '../wire/index.js'
import { MemoryNetwork } from './adapters/memory.js'
import { isCaller } from './caller.js'
import { pair } from './testing/pair.js'
import { TestPeer } from './testing/test-peer.js'

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

  it.each([1_000, 4_000, 9_000, 14_000])(
    'that a cut of %i ms swallowed are made again soon after it, not when their time is over',
    (length) => {
      let isCut = true
      const { time, network, a, b } = pair({
        passes: (_from, _to, way) => way === 'server' || !isCut,
        carried: (_from, _to, bytes) => (isCut ? [] : [bytes]),
      })
      time.advance(length)
      expect([a.links.kind('b'), b.links.kind('a')]).toEqual(['none', 'none'])
      isCut = false
      network.refresh()
      // The relay is greeted every second or two, three more are given for an answer, and the next dial is two away.
      time.advance(7_500)
      expect([a.links.kind('b'), b.links.kind('a')]).toEqual(['memory', 'memory'])
    },
  )

  it('leave no timer behind where all is closed before they are answered', () => {
    const time = new VirtualTime('closed')
    const network = new MemoryNetwork(time.runtime('network'), {
      passes: (_from, _to, way) => way === 'server',
    })
    const open = new Set<object>()
    const [a, b] = ['a', 'b'].map((id) => {
      const runtime = time.runtime(id)
      const timer = (delay: number, fire: () => void): Timer => {
        const key = {}
        open.add(key)
        const inner = runtime.timer(delay, () => {
          open.delete(key)
          fire()
        })
        return {
          cancel() {
            open.delete(key)
            inner.cancel()
          },
        }
      }
      return new TestPeer(id, { ...runtime, timer }, network)
    }) as [TestPeer, TestPeer]
    time.advance(1_000)
    expect([a.links.kind('b'), a.links.stats().dialing]).toEqual(['relay', 1])
    for (const { links } of [a, b]) links.close()
    time.advance(1)
    expect(open.size).toBe(0)
  })

  it('of strangers are kept until this peer is told to connect', () => {
    const time = new VirtualTime('early')
    const network = new MemoryNetwork(time.runtime('network'))
    const b = new TestPeer('b', time.runtime('b'), network, { relay: 'never' })
    const hold: string[] = []
    const connect = b.links.connect.bind(b.links)
    b.links.connect = (id) => hold.push(id)
    const a = new TestPeer('a', time.runtime('a'), network, { relay: 'never' })
    time.advance(1_000)
    expect(hold).toEqual(['a'])
    connect('a')
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

  it('of others are answered a hundred at a time, as a server may make up any number: each is a connection', () => {
    const time = new VirtualTime('made up')
    const network = new MemoryNetwork(time.runtime('network'))
    const open = network.direct.bind(network)
    let connections = 0
    network.direct = (self) => {
      const direct = open(self)
      return (remote, isInitiator, ...parameters) => {
        if (!isInitiator) connections++
        return direct(remote, isInitiator, ...parameters)
      }
    }
    const a = new TestPeer('a', time.runtime('a'), network)
    time.advance(100)
    const callers = Array.from({ length: 40 }, (_, index) => `p${index}`).filter((id) => !isCaller('a', id))
    for (const id of callers) a.links.connect(id)
    for (let dial = 1; dial <= 1_000; dial++) {
      const from = callers[dial % callers.length] as string
      a.links.offered(from, encodeMessage({ type: 'session.dial', dial, payload: new Uint8Array([1]) }))
    }
    expect(connections).toBe(100)
    expect(a.links.stats().refused).toEqual({ 'bad-dial': 900 })
  })

  it('take so much from the other end and no more: a server may make up candidates without end', () => {
    const time = new VirtualTime('candidates')
    const network = new MemoryNetwork(time.runtime('network'))
    const open = network.direct.bind(network)
    let taken = 0
    network.direct = (self) => {
      const direct = open(self)
      return (...parameters) => {
        const link = direct(...parameters)
        link.signal = () => void taken++
        return link
      }
    }
    const a = new TestPeer('a', time.runtime('a'), network)
    time.advance(100)
    const [caller] = ['b', 'c', 'd', 'e', 'f'].filter((id) => !isCaller('a', id))
    a.links.connect(caller as string)
    const candidate = encodeMessage({ type: 'session.dial', dial: 1, payload: new Uint8Array(100) })
    for (let count = 0; count < 1_000; count++) a.links.offered(caller as string, candidate)
    expect(taken).toBe(128)
    expect(a.links.stats().refused).toEqual({ 'bad-dial': 872 })
  })
})
