import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeMessage, packValue, protocolVersion } from '../../src/wire/index.js'
import { type FakeInstance, type FakePeer, FakeService } from '../testing/fake-peer.js'
import { tab } from '../testing/raw-peer.js'
import type { Verdict } from './admission.js'
import type { Bus } from './bus.js'
import { TokenBucket } from './token-bucket.js'

describe('rooms on virtual time', () => {
  it('refuse who says nothing, once the handshake is over', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { handshakeMilliseconds: 5_000 })
    const peer = service.peer('a', one)
    const silent = service.peer('b', one)
    silent.got.length = 0
    service.time.advance(20_000)
    expect(peer.open).toBe(true)
    expect(one.tally.refusals.size).toBe(0)
  })

  it('bound the time that admission may take', () => {
    const service = new FakeService(1, 1)
    const one = service.instance(
      'one',
      { handshakeMilliseconds: 5_000 },
      { admit: () => {}, spend: () => {}, busIsBack: () => {} },
    )
    const peer = service.peer('a', one)
    service.time.advance(4_000)
    expect(peer.open).toBe(true)
    service.time.advance(3_000)
    expect(peer.got).toMatchObject([{ type: 'signal.refused', error: 'Busy' }])
    expect(peer.open).toBe(false)
    expect([...one.tally.refusals.keys()]).toEqual(['handshake-timeout'])
    expect(service.time.pending).toBe(0)
  })

  it('probe a silent socket and cut off one that does not answer', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { idleMilliseconds: 30_000 })
    const [answers, silent] = [service.peer('a', one), service.peer('b', one)]
    for (let second = 0; second < 120; second++) {
      const { probes } = answers
      service.time.advance(1_000)
      if (answers.probes > probes) answers.answerProbe()
    }
    expect(answers.open).toBe(true)
    expect(silent.endedBy).toBe('cut')
    expect(answers.got).toContainEqual({ type: 'signal.closed', peer: 'b', clean: false })
    // One probe for every 15 s of silence, not more.
    expect(answers.probes).toBeLessThanOrEqual(8)
  })

  it('make a sender wait that is over its rate, exactly as long as its debt lasts', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { framesPerSecond: 10 })
    const peer = service.peer('a', one)
    service.time.advance(100)
    for (let n = 0; n < 40; n++) peer.say({ type: 'signal.ping' })
    expect(peer.count('signal.pong')).toBe(40)
    expect(one.tally.throttledByFrames).toBe(20)
    service.time.advance(10_000)
    const { paused } = peer
    for (let n = 0; n < 20; n++) peer.say({ type: 'signal.ping' })
    expect(peer.paused).toBe(paused)
  })

  it('share one relay rate within a room and not between rooms', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { relayBytesPerSecond: 1_000 })
    const [a, b, other] = [service.peer('a', one), service.peer('b', one), service.peer('c', one, 'other')]
    service.time.advance(100)
    a.say({ type: 'signal.relay', to: 'b', frame: new Uint8Array(2_000) })
    expect(a.paused).toBe(0)
    b.say({ type: 'signal.relay', to: 'a', frame: new Uint8Array(1_000) })
    expect(b.paused).toBe(1_000)
    other.say({ type: 'signal.relay', to: 'a', frame: new Uint8Array(1_000) })
    expect(other.paused).toBe(0)
  })

  it('count offers in the rate of their room, as anything can be carried in one', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { relayBytesPerSecond: 1_000 })
    const [a] = [service.peer('a', one), service.peer('b', one)]
    service.time.advance(100)
    a.say({ type: 'signal.offer', to: 'b', payload: new Uint8Array(2_000) })
    expect(a.paused).toBe(0)
    a.say({ type: 'signal.offer', to: 'b', payload: new Uint8Array(1_000) })
    expect(a.paused).toBe(1_000)
    a.say({ type: 'signal.offer', to: 'nobody', payload: new Uint8Array(1_000) })
    expect(a.paused).toBe(3_000)
    expect(one.tally.relayFrames).toBe(0)
  })

  it('remember nothing of a room whose last peer is at another instance', () => {
    const service = new FakeService(1, 1)
    const [one, two] = [service.instance('one'), service.instance('two')]
    service.time.advance(10)
    for (let n = 0; n < 10; n++) {
      const a = service.peer('a', one, `room ${n}`)
      service.time.advance(10)
      a.say({ type: 'signal.relay', to: 'nobody', frame: new Uint8Array(10) })
      expect(one.rooms.ratedRooms).toBe(1)
      service.peer('a', two, `room ${n}`)
      service.time.advance(10)
      expect([a.endedBy, one.rooms.ratedRooms, one.directory.rooms]).toEqual([4002, 0, 0])
    }
  })

  it('let nobody in who was still being looked at when they began to drain', () => {
    const service = new FakeService(1, 1)
    let settle: ((verdict: Verdict) => void) | undefined
    const one = service.instance(
      'one',
      {},
      {
        admit: (_request, settled) => {
          settle = settled
        },
        spend: () => {},
        busIsBack: () => {},
      },
    )
    const a = service.peer('a', one)
    one.rooms.drain()
    settle?.({ admitted: true, ticket: undefined })
    expect(a.got).toMatchObject([{ type: 'signal.refused', error: 'Busy' }])
  })

  it('tell one to go elsewhere who was still waiting for its room when they began to drain', () => {
    const service = new FakeService(1, 10)
    const one = service.instance('one')
    service.time.advance(100)
    const a = service.peer('a', one)
    one.rooms.drain()
    service.time.advance(100)
    expect(a.got.map(({ type }) => type)).toEqual(['signal.welcome', 'signal.draining'])
  })

  it('pass on nothing of a peer that no peer would understand', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one')
    const [, bus] = [service.instance('two'), service.hub.buses.get('two') as Bus]
    service.time.advance(10)
    const witness = service.peer('witness', one)
    service.time.advance(100)
    const lie = { id: 'no id: ünïcödé', instance: 'two', session: 1, info: new Uint8Array([0xc1]) }
    bus.announce('mesh/room', lie)
    service.time.advance(10)
    bus.withdraw('mesh/room', lie, true)
    service.time.advance(10)
    expect(witness.got.map(({ type }) => type)).toEqual(['signal.welcome'])
  })

  it('cut a slow reader off at the limit, and send it nothing more', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { bufferedBytes: 1_000 })
    const [a, slow] = [service.peer('a', one), service.peer('slow', one)]
    service.time.advance(100)
    slow.buffered = 990
    a.say({ type: 'signal.relay', to: 'slow', frame: new Uint8Array(100) })
    expect(slow.endedBy).toBe('cut')
    service.time.advance(100)
    expect(a.got.at(-1)).toEqual({ type: 'signal.closed', peer: 'slow', clean: false })
    expect(one.tally.slowConsumers).toBe(1)
  })

  it('welcome without the others when the bus is silent, and tell of them later', () => {
    const service = new FakeService(1, 5_000)
    const [one, two] = [service.instance('one'), service.instance('two')]
    service.time.advance(6_000)
    const a = service.peer('a', one)
    service.time.advance(1_000)
    const b = service.peer('b', two)
    service.time.advance(3_000)
    expect([a, b].map((peer) => peer.count('signal.welcome'))).toEqual([1, 1])
    service.time.advance(20_000)
    expect([...a.view]).toEqual(['b'])
    expect([...b.view]).toEqual(['a'])
  })

  it('give a peer no frame before its welcome, also when one for its last socket is still under way', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one')
    service.instance('two')
    const two = service.hub.buses.get('two') as Bus
    service.time.advance(100)
    const late = encodeMessage({ type: 'signal.relayed', from: 'b', frame: new Uint8Array(1) })
    two.send('one', 'mesh/room', 'a', late)
    const a = service.peer('a', one)
    service.time.advance(100)
    expect(a.got.map(({ type }) => type)).toEqual(['signal.welcome'])
    two.send('one', 'mesh/room', 'a', late)
    service.time.advance(100)
    expect(a.got.at(-1)?.type).toBe('signal.relayed')
  })

  it('tell of nobody twice, and drain as they are told', () => {
    const service = new FakeService(1, 3)
    const [one, two] = [service.instance('one'), service.instance('two')]
    service.time.advance(10)
    const [a, b] = [service.peer('a', one), service.peer('b', two)]
    service.time.advance(100)
    expect(a.count('signal.joined') + b.count('signal.joined')).toBeLessThanOrEqual(2)
    one.rooms.drain()
    expect(a.got.at(-1)).toEqual({ type: 'signal.draining' })
    const moved = service.peer('a', two)
    service.time.advance(100)
    expect(a.endedBy).toBe(4002)
    expect(moved.view).toEqual(new Set(['b']))
    expect(b.count('signal.closed')).toBe(0)
    const late = service.peer('late', one)
    expect(late.got).toMatchObject([{ type: 'signal.refused', error: 'Busy' }])
  })

  it('forget a peer that left two instances before either had heard of the other', () => {
    const service = new FakeService(1, 2)
    const [one, two] = [service.instance('one'), service.instance('two')]
    service.time.advance(2)
    const claims = [service.peer('a', two), service.peer('a', one)]
    service.time.advance(2)
    const witness = service.peer('witness', one)
    for (const claim of claims) claim.say({ type: 'signal.leave' })
    service.time.advance(20_000)
    expect([...witness.view]).toEqual([])
    expect(one.directory.ids(one.rooms.nameOf('room'))).toEqual(['witness'])
  })

  it('take any bytes for a frame and give no more than a refusal', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one')
    const witness = service.peer('witness', one)
    service.time.advance(10)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 64 }),
          fc.tuple(fc.integer({ min: 110, max: 128 }), fc.anything({ maxDepth: 2 })).map((tuple) => {
            try {
              return packValue([tuple[0], tuple[1]])
            } catch {
              return new Uint8Array()
            }
          }),
          fc.tuple(fc.constantFrom(113, 114), fc.string(), fc.uint8Array()).map((tuple) => packValue(tuple)),
        ),
        fc.boolean(),
        (frame, joined) => {
          const peer = service.peer('fuzz', one)
          if (!joined) peer.drop()
          service.time.advance(5)
          peer.bytes(frame)
          service.time.advance(5)
          peer.drop()
        },
      ),
      { numRuns: 2_000 },
    )
    witness.say({ type: 'signal.ping' })
    expect(witness.got.at(-1)).toEqual({ type: 'signal.pong' })
    expect(one.directory.ids(one.rooms.nameOf('room'))).toEqual(['witness'])
  })

  it('read the version of a join that they cannot read otherwise', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one')
    const socket = service.peer('x', one)
    service.time.advance(10)
    socket.bytes(packValue([112, protocolVersion + 1, 'room', tab('x'), null, 'more']))
    expect(socket.got.at(-1)).toMatchObject({ type: 'signal.refused', error: 'BadFrame' })
  })
})

/** What may happen to a service. */
type Step =
  | { readonly do: 'join'; readonly peer: number; readonly at: number }
  | { readonly do: 'leave' | 'drop'; readonly peer: number }
  | { readonly do: 'kill'; readonly at: number }
  | { readonly do: 'lose' | 'find' }
  | { readonly do: 'wait'; readonly milliseconds: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('join'), peer: fc.nat(7), at: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('leave', 'drop'), peer: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill'), at: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lose', 'find') }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('wait'), milliseconds: fc.nat(60) }) },
) as fc.Arbitrary<Step>

describe('three instances on one bus', () => {
  it('agree on who is where once nothing happens any more, whatever happened before', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 30 }),
        fc.nat(),
        (steps, delay, seed) => {
          const service = new FakeService(seed, delay)
          let fresh = 0
          const instances: FakeInstance[] = []
          const names: string[] = []
          const begin = (at: number): void => {
            names[at] = `i${++fresh}`
            instances[at] = service.instance(names[at] as string)
          }
          for (const at of [0, 1, 2]) begin(at)
          const sockets: { peer: FakePeer; at: number }[] = []
          const ofPeer = (n: number) => sockets.filter(({ peer }) => peer.open && peer.id === `p${n}`)
          for (const next of steps) {
            if (next.do === 'join') {
              const instance = instances[next.at] as FakeInstance
              sockets.push({ peer: service.peer(`p${next.peer}`, instance), at: next.at })
            } else if (next.do === 'leave') {
              for (const { peer } of ofPeer(next.peer)) peer.say({ type: 'signal.leave' })
            } else if (next.do === 'drop') for (const { peer } of ofPeer(next.peer)) peer.drop()
            else if (next.do === 'kill') {
              service.hub.kill(names[next.at] as string)
              // The sockets of a dead instance close at the peers; its rooms never hear of it.
              for (const socket of sockets.filter(({ at }) => at === next.at))
                sockets.splice(sockets.indexOf(socket), 1)
              begin(next.at)
            } else if (next.do === 'wait') service.time.advance(next.milliseconds)
            else service.hub.setUp(next.do === 'find')
          }
          service.hub.setUp(true)
          service.time.advance(20_000)
          const open = sockets.filter(({ peer }) => peer.open)
          const ids = new Set(open.map(({ peer }) => peer.id))
          // Every peer is at one socket, knows exactly the others, and can reach each of them.
          expect(open.length).toBe(ids.size)
          for (const { peer } of open) {
            expect(new Set([...peer.view, peer.id])).toEqual(ids)
            for (const { peer: other } of open) {
              if (other === peer) continue
              const before = other.count('signal.offered')
              peer.say({ type: 'signal.offer', to: other.id, payload: new Uint8Array([1]) })
              service.time.advance(100)
              expect(other.count('signal.offered')).toBe(before + 1)
            }
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('run the same from the same seed', () => {
    const run = (): unknown => {
      const service = new FakeService('seed', 7)
      const instances = [service.instance('one'), service.instance('two')]
      const peers = Array.from({ length: 10 }, (_, n) => {
        service.time.advance(3)
        return service.peer(`p${n % 7}`, instances[n % 2] as FakeInstance)
      })
      service.time.advance(1_000)
      return peers.map(({ got }) => got)
    }
    expect(run()).toEqual(run())
  })
})

describe('a token bucket', () => {
  it('never lets more through than its burst and its rate', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat(200)), { maxLength: 100 }),
        (takes) => {
          const bucket = new TokenBucket(100, 200, 0)
          let now = 0
          let taken = 0
          for (const [units, gap] of takes) {
            now += gap
            const wait = bucket.take(units, now)
            taken += units
            now += wait
            expect(taken).toBeLessThanOrEqual(200 + (now / 1000) * 100 + 1e-6)
          }
        },
      ),
    )
  })
})
