import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeMessage, packValue, protocolVersion } from '../../src/wire/index.js'
import { FakeService } from '../testing/fake-peer.js'
import { tab } from '../testing/raw-peer.js'
import type { Verdict } from './admission.js'
import type { Bus } from './bus.js'

describe('rooms on virtual time', () => {
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

  it('cut off the one with the most unread when all together read too slowly', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { bufferedBytes: 1_000, bufferedBytesTotal: 1_800 })
    const a = service.peer('a', one)
    const slow = [700, 900, 800].map((unread, n) => ({ peer: service.peer(`slow-${n}`, one), unread }))
    service.time.advance(100)
    for (const { peer, unread } of slow) peer.buffered = unread
    // A sixteenth of the limit, after which it is looked at, or a second.
    for (const n of [0, 1, 2])
      a.say({ type: 'signal.relay', to: `slow-${n}`, frame: new Uint8Array(n === 2 ? 100 : 1) })
    expect(slow.map(({ peer }) => peer.endedBy)).toEqual([undefined, 'cut', undefined])
    expect(one.tally.cutForTotal).toBe(1)
    expect(one.tally.slowConsumers).toBe(0)
    service.time.advance(5_000)
    expect(slow.map(({ peer }) => peer.endedBy)).toEqual([undefined, 'cut', undefined])
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

  it('hold the limit of a room also where an instance did not know yet who is in it', () => {
    const service = new FakeService(1, 5)
    const limits = { peersPerRoom: 2 }
    const [one, two] = [service.instance('one', limits), service.instance('two', limits)]
    service.time.advance(100)
    const inside = ['a', 'b'].map((id) => service.peer(id, one))
    service.time.advance(100)
    // Who is in already may come back there all the same.
    const moved = service.peer('a', two)
    const late = ['c', 'd'].map((id) => service.peer(id, two))
    service.time.advance(100)
    for (const { got } of late)
      expect(got).toMatchObject([{ type: 'signal.refused', error: 'RoomFull', detail: expect.any(String) }])
    expect(moved.got.map(({ type }) => type)).toEqual(['signal.welcome'])
    expect(inside.map(({ endedBy }) => endedBy)).toEqual([4002, undefined])
    expect(two.directory.ids(two.rooms.nameOf('room')).sort()).toEqual(['a', 'b'])
    expect(inside[1]?.count('signal.joined')).toBeLessThanOrEqual(1)
    expect(two.tally.refusals.get('room-full')).toBe(2)
    // Nothing is left behind of those who were refused.
    moved.say({ type: 'signal.leave' })
    service.time.advance(100)
    expect([one.directory.rooms, two.directory.rooms]).toEqual([1, 0])
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
