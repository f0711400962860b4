import { describe, expect, it } from 'vitest'
import { MemoryNetwork } from '../links/adapters/memory.js'
import type { SignalingEvents } from '../links/index.js'
import { VirtualTime } from '../runtime/index.js'
import { announcedAtOnce, announcedWaiting, knockBound, strangersAtOnce } from './constants.js'
import { MeshCore } from './mesh-core.js'

/** Peers of one room whose frames go by the server, which may drop them, or lie. */
class Room {
  readonly time = new VirtualTime('room')
  readonly #cores: MeshCore[] = []
  readonly #events = new Map<string, SignalingEvents>()
  /** Who sleeps, as a page in a laptop that was closed: what comes meanwhile, timers too, waits for it. */
  readonly #asleep = new Map<string, (() => void)[]>()
  /** Whether the server carries frames; who comes and goes it tells either way. */
  carries = true
  readonly #network = new MemoryNetwork(this.time.runtime('network'), {
    carried: (_from, _to, bytes) => (this.carries ? [bytes] : []),
  })

  enter(id: string): MeshCore {
    const open = this.#network.signaling('room')
    const awake = (run: () => void): void => {
      const held = this.#asleep.get(id)
      if (held === undefined) run()
      else held.push(run)
    }
    const runtime = this.time.runtime(id)
    const core = new MeshCore({
      runtime: { ...runtime, timer: (delay, fire) => runtime.timer(delay, () => awake(fire)) },
      self: { id, kind: 'edge', weight: 1, host: id },
      openSignaling: (self, events) => {
        this.#events.set(id, events)
        return open(self, {
          ...events,
          relayed: (from, frame) => awake(() => events.relayed(from, frame)),
        })
      },
      openDirect: undefined,
      relay: 'only',
      joined: () => {},
      refused: (error) => {
        throw error
      },
    })
    this.#cores.push(core)
    core.start()
    return core
  }

  sleep(id: string, milliseconds: number): void {
    this.#asleep.set(id, [])
    this.time.advance(milliseconds)
    const held = this.#asleep.get(id) ?? []
    this.#asleep.delete(id)
    for (const run of held) run()
  }

  /** What the server tells a peer. */
  tell(id: string): SignalingEvents {
    const events = this.#events.get(id)
    if (events === undefined) throw new Error(`${id} is not in the room`)
    return events
  }

  /** Things that are to happen, of which each link and each peer in doubt has some. */
  get pending(): number {
    return this.time.pending
  }

  get agree(): boolean {
    return this.#cores.every(({ ring }) => ring.size === this.#cores.length)
  }

  /** Lets time pass until all see each other; answers the milliseconds it took. */
  untilTogether(limit: number): number {
    const from = this.time.now
    while (!this.agree) {
      if (this.time.now - from >= limit) throw new Error(`not together within ${limit} ms`)
      this.time.advance(20)
    }
    return this.time.now - from
  }
}

describe('two peers of a room', () => {
  it.each([3_000, 10_000, 60_000])('see each other, though their link opens only after %d ms', (late) => {
    const room = new Room()
    room.carries = false
    const [a, b] = [room.enter('a'), room.enter('b')]
    room.time.advance(late)
    expect([a.ring.size, b.ring.size].every((size) => size <= 1)).toBe(true)
    room.carries = true
    expect(room.untilTogether(10_000)).toBeLessThan(5_000)
  })

  it('see each other, though the server told one that the other was gone before it had said a word', () => {
    const room = new Room()
    room.carries = false
    room.enter('a')
    room.time.advance(6_000)
    room.enter('b')
    room.time.advance(1_000)
    room.tell('a').closed('b', false)
    room.time.advance(2 * knockBound)
    room.carries = true
    expect(room.untilTogether(10_000)).toBeLessThan(5_000)
  })

  it('see each other again after a cut in which both held the other for dead', () => {
    const room = new Room()
    const a = room.enter('a')
    room.enter('b')
    room.untilTogether(10_000)
    room.carries = false
    room.time.advance(180_000)
    expect(a.member('b')?.state).toBe('dead')
    room.carries = true
    expect(room.untilTogether(10_000)).toBeLessThan(5_000)
  })
})

it('hears that a peer held it for dead and forgot it, which it did not see, before anything that the peer says then', () => {
  const room = new Room()
  const [a, b] = [room.enter('a'), room.enter('b')]
  room.untilTogether(10_000)
  room.time.advance(1_000)
  const heard: string[] = []
  a.on('down', ({ id }) => heard.push(`a: down ${id}`))
  a.on('up', ({ id }) => {
    heard.push(`a: up ${id}`)
    a.send(id, { type: 'process.unlink', process: '1', from: '2' })
  })
  b.on('down', ({ id }) => heard.push(`b: down ${id}`))
  b.on('reset', (id) => heard.push(`b: reset ${id}`))
  b.receive('process.unlink', () => heard.push('b: message'))
  room.sleep('b', 60_000)
  room.time.advance(30_000)
  expect(heard).toEqual(['a: down b', 'b: reset a', 'a: up b', 'b: message'])
})

describe('a peer of which a member lied that it had left', () => {
  /** `a`, which believes of `b`, whom it has never met, that it has left; and `c`, which said so. */
  function misled() {
    const room = new Room()
    const [a, c] = [room.enter('a'), room.enter('c')]
    room.untilTogether(10_000)
    const [beyond, tab, left] = [2 ** 40, 0, 9] as const
    c.send('a', {
      type: 'membership.gossip',
      news: [
        ['b', beyond - 1, 1, tab, 1, 'b'],
        ['b', beyond, left],
      ],
    })
    room.time.advance(100)
    expect(a.member('b')?.state).toBe('left')
    return { room, a }
  }

  it('is seen all the same when it comes', () => {
    const { room } = misled()
    room.time.advance(10_000)
    room.enter('b')
    expect(room.untilTogether(30_000)).toBeLessThan(20_000)
  })

  it('is seen all the same though it came just then', () => {
    const { room } = misled()
    room.enter('b')
    expect(room.untilTogether(30_000)).toBeLessThan(20_000)
  })

  it('is not called back when it really left, whatever of it arrives late', () => {
    const room = new Room()
    const [a, b] = [room.enter('a'), room.enter('b')]
    room.untilTogether(10_000)
    b.leave(() => {})
    room.time.advance(1_000)
    expect(a.member('b')?.state).toBe('left')
    for (let count = 0; count < 10; count++) {
      room.tell('a').relayed('b', new Uint8Array([1]))
      room.time.advance(100)
    }
    expect(Object.keys(a.stats().links.peers)).toEqual([])
  })
})

it('keeps links to a few strangers only, and not for long', () => {
  const room = new Room()
  const core = room.enter('a')
  room.time.advance(6_000)
  for (let count = 0; count < 1_000; count++) room.tell('a').relayed(`stranger-${count}`, new Uint8Array([1]))
  expect(Object.keys(core.stats().links.peers)).toHaveLength(strangersAtOnce)
  room.time.advance(knockBound + 1_000)
  expect(Object.keys(core.stats().links.peers)).toHaveLength(0)
})

describe('a server that lies', () => {
  const ghost = (number: number) => ({
    id: `ghost-${number}`,
    kind: 'tab' as const,
    weight: 1,
    host: 'nowhere',
  })

  it('announces any number of peers that are not there: few links are kept, and who is real comes through', () => {
    const room = new Room()
    const core = room.enter('a')
    room.time.advance(6_000)
    for (let number = 0; number < 10_000; number++) room.tell('a').joined(ghost(number))
    expect(Object.keys(core.stats().links.peers)).toHaveLength(announcedAtOnce)
    expect(core.stats().introductions).toEqual({
      open: announcedAtOnce,
      waiting: announcedWaiting,
      dropped: 10_000 - announcedAtOnce - announcedWaiting,
    })
    room.enter('b')
    expect(room.untilTogether(10_000)).toBeLessThan(5_000)
    // Turn after turn.
    for (let turn = 0; turn < 10; turn++) {
      room.time.advance(knockBound)
      expect(Object.keys(core.stats().links.peers).length).toBeLessThanOrEqual(announcedAtOnce + 1)
    }
    expect(room.agree).toBe(true)
  })

  it('names thousands that are not there before each that is, to everybody: these see each other all the same', () => {
    const room = new Room()
    const others = Array.from({ length: 6 }, (_, index) => `peer-${index}`)
    for (const id of others) {
      room.enter(id)
      for (let number = 0; number < 2_000; number++) room.tell(id).joined(ghost(number))
      room.time.advance(100)
    }
    expect(room.untilTogether(120_000)).toBeLessThan(60_000)
  })

  it('says of any number that nobody has heard of that they are gone: none is remembered for it', () => {
    const room = new Room()
    const core = room.enter('a')
    room.time.advance(6_000)
    const { pending } = room
    for (let number = 0; number < 10_000; number++) room.tell('a').closed(`ghost-${number}`, false)
    expect(room.pending).toBeLessThanOrEqual(pending + 10)
    expect(core.stats().introductions.waiting).toBe(0)
  })

  it('announces peers and says at once that they are gone: their links are as few, and close', () => {
    const room = new Room()
    const core = room.enter('a')
    room.time.advance(6_000)
    for (let number = 0; number < 10_000; number++) {
      room.tell('a').joined(ghost(number))
      room.tell('a').closed(`ghost-${number}`, false)
    }
    expect(Object.keys(core.stats().links.peers)).toHaveLength(announcedAtOnce)
    room.time.advance(2 * knockBound)
    expect(Object.keys(core.stats().links.peers)).toHaveLength(0)
  })

  it('announces a crowd that is not there to one of a room: it sees all who are', () => {
    const room = new Room()
    const core = room.enter('a')
    for (let number = 0; number < 1_000; number++) room.tell('a').joined(ghost(number))
    for (let index = 1; index < 12; index++) room.enter(`peer-${index}`)
    expect(room.untilTogether(60_000)).toBeLessThan(15_000)
    expect(core.stats().introductions.open).toBe(announcedAtOnce)
  })
})
