import { RingmeshError } from '../../errors/index.js'
import type { Runtime, Timer } from '../../runtime/index.js'
import { limits, type PeerId, type PeerInfo } from '../../wire/index.js'
import type { DialedLink, OpenDirect } from '../conversation.js'
import type { LinkEvents, LinkKind } from '../link.js'
import type { IceServer, OpenSignaling, Signaling, SignalingEvents } from '../signaling.js'

/** The ways that a {@link MemoryNetwork} has. `direct`: between two peers; `server`: a peer and the server. */
export type Way = 'direct' | 'server'

/** What is wrong with a network. Asked again for every frame. */
export interface MemoryFaults {
  /** Milliseconds that a frame takes; `''` stands for the server. Frames of one link keep their order. Default 1. */
  delay?(from: PeerId, to: PeerId, way: Way): number
  /** Whether anything gets from `from` to `to` at all. Call `refresh` when an answer changed. Default true. */
  passes?(from: PeerId, to: PeerId, way: Way): boolean
  /** May drop, alter or multiply what the server relays or carries, as a lying server would. */
  carried?(from: PeerId, to: PeerId, bytes: Uint8Array): readonly Uint8Array[]
}

export interface MemoryNetworkOptions extends MemoryFaults {
  /** Kind that the links claim. Default `memory`. */
  readonly kind?: LinkKind
  /** Bytes a millisecond that leave a link; the rest waits in `buffered`. Default: all at once. */
  readonly bytesPerMillisecond?: number
  /** Milliseconds between losing the server and trying again. Default 500. */
  readonly reconnectAfter?: number
  /** Told to every peer with its welcome. */
  readonly iceServers?: readonly IceServer[]
  /** Peers a room takes. Default: any number. */
  readonly roomSize?: number
}

/** As measured in Chromium 156: a peer that vanished is `disconnected`, then `failed`. Milliseconds. */
const troubledAfter = 5_900
const failedAfter = 15_900

/**
 * Links and a signalling server inside one process, on the time of a `Runtime`: for tests and the
 * simulator. Links behave as data channels do: in order, and when nothing passes any more, silent,
 * then troubled, then closed.
 *
 * @example
 * ```ts
 * const network = new MemoryNetwork(time.runtime('network'))
 * const signaling = network.signaling('room')(self, signalingEvents)
 * const links = new Links({ runtime, self, direct: network.direct(self.id), relay: 'fallback', signaling, events })
 * ```
 */
export class MemoryNetwork {
  readonly #runtime: Runtime
  readonly options: MemoryNetworkOptions
  readonly #links = new Set<MemoryLink>()
  readonly #rooms = new Map<string, Map<PeerId, MemorySignaling>>()
  readonly #places = new Set<MemorySignaling>()
  readonly #dialing = new Map<string, MemoryLink>()
  #isServerUp = true
  #dials = 0

  constructor(runtime: Runtime, options: MemoryNetworkOptions = {}) {
    this.#runtime = runtime
    this.options = options
  }

  /** Makes direct links of the peer `self`. */
  direct(self: PeerId): OpenDirect {
    return (remote, initiator, _iceServers, signal, events) => {
      const link = new MemoryLink(this, this.#runtime, self, remote, initiator, signal, events)
      this.#links.add(link)
      return link
    }
  }

  /** A place in a room of this network's server. */
  signaling(room: string): OpenSignaling {
    return (self, events) => {
      const place = new MemorySignaling(this, this.#runtime, room, self, events)
      this.#places.add(place)
      return place
    }
  }

  /** To be called when what `passes` answers changed. */
  refresh(): void {
    for (const link of [...this.#links]) link.check()
    for (const place of [...this.#places]) place.check()
  }

  /** Breaks the open direct links between two peers; what is under way is lost. `silently`: the far end learns by time-out. */
  breakLinks(a: PeerId, b: PeerId, silently = false): void {
    for (const link of [...this.#links]) {
      if (link.self === a && link.remote === b) silently ? link.mute() : link.sever('broken')
    }
  }

  /** A peer is gone without a word: its own events stop, and the server sees its socket close. */
  crash(id: PeerId): void {
    for (const link of [...this.#links]) if (link.self === id) link.crash()
    for (const place of [...this.#places]) if (place.self.id === id) place.crash()
  }

  /** Takes the server down, or up again; the peers come back by themselves. */
  setServer(isUp: boolean): void {
    this.#isServerUp = isUp
    this.refresh()
  }

  passes(from: PeerId, to: PeerId, way: Way): boolean {
    if (way === 'server' && !this.#isServerUp) return false
    return this.options.passes?.(from, to, way) ?? true
  }

  delay(from: PeerId, to: PeerId, way: Way): number {
    return this.options.delay?.(from, to, way) ?? 1
  }

  /** Both ends of a dial find each other by its name. */
  meet(name: string, link: MemoryLink): MemoryLink | undefined {
    const other = this.#dialing.get(name)
    this.#dialing.delete(name)
    if (other === undefined) this.#dialing.set(name, link)
    return other
  }

  nextDial(): string {
    return `dial ${++this.#dials}`
  }

  gone(link: MemoryLink, dial: string): void {
    this.#links.delete(link)
    if (this.#dialing.get(dial) === link) this.#dialing.delete(dial)
  }

  room(name: string): Map<PeerId, MemorySignaling> {
    let room = this.#rooms.get(name)
    if (room === undefined) {
      room = new Map()
      this.#rooms.set(name, room)
    }
    return room
  }

  left(place: MemorySignaling): void {
    this.#places.delete(place)
  }
}

class MemoryLink implements DialedLink {
  readonly kind: LinkKind
  readonly self: PeerId
  readonly remote: PeerId
  readonly largestFrame = limits.frameBytes
  readonly #network: MemoryNetwork
  readonly #runtime: Runtime
  readonly #signal: (payload: Uint8Array) => void
  readonly #events: LinkEvents
  readonly #timers = new Set<Timer>()
  #dial: string
  #other: MemoryLink | undefined
  #isOpen = false
  #isClosed = false
  #isCrashed = false
  /** Frames that do not pass wait here, as they wait in SCTP. */
  readonly #waiting: Uint8Array[] = []
  #arrival = 0
  #departure = 0
  #buffered = 0
  #silence: Timer[] = []
  #isMute = false

  constructor(
    network: MemoryNetwork,
    runtime: Runtime,
    self: PeerId,
    remote: PeerId,
    initiator: boolean,
    signal: (payload: Uint8Array) => void,
    events: LinkEvents,
  ) {
    this.kind = network.options.kind ?? 'memory'
    this.#network = network
    this.#runtime = runtime
    this.self = self
    this.remote = remote
    this.#signal = signal
    this.#events = events
    this.#dial = initiator ? network.nextDial() : ''
    if (initiator) {
      network.meet(this.#dial, this)
      this.#later(0, () => this.#signal(new TextEncoder().encode(this.#dial)))
    }
    this.#later(failedAfter, () => {
      if (!this.#isOpen) this.sever('failed')
    })
  }

  get buffered(): number {
    return this.#buffered
  }

  signal(payload: Uint8Array): void {
    if (this.#isClosed || this.#other !== undefined || this.#dial !== '') return
    this.#dial = new TextDecoder().decode(payload)
    const other = this.#network.meet(this.#dial, this)
    if (other === undefined || other.self !== this.remote) return
    this.#other = other
    other.#other = this
    const trip = this.#network.delay(this.self, this.remote, 'direct')
    this.#later(trip, () => this.#connect())
    other.#later(2 * trip, () => other.#connect())
  }

  send(frame: Uint8Array): void {
    if (!this.#isOpen || this.#isClosed) return
    const now = this.#runtime.now()
    const rate = this.#network.options.bytesPerMillisecond
    this.#departure = Math.max(this.#departure, now) + (rate === undefined ? 0 : frame.length / rate)
    this.#buffered += frame.length
    this.#later(this.#departure - now, () => {
      this.#buffered -= frame.length
      this.#waiting.push(frame)
      this.#flush()
      if (this.#buffered === 0) this.#events.drain()
    })
  }

  close(reason: string): void {
    if (this.#isClosed || this.#isCrashed) return
    const other = this.#other
    const trip = this.#network.delay(this.self, this.remote, 'direct')
    if (other !== undefined && this.#passes) {
      // What was sent before the close is delivered before it, as a channel's orderly shutdown does.
      const arrival = Math.max(this.#arrival, this.#runtime.now() + trip)
      this.#runtime.timer(arrival - this.#runtime.now(), () => other.sever('closed by the other end'))
    } else other?.mute()
    this.#end(reason)
  }

  /** Gone at once, with all that was under way; the other end sees it too unless it cannot. */
  sever(reason: string): void {
    const other = this.#other
    this.#end(reason)
    if (other !== undefined && !other.#isClosed) other.#end(reason)
  }

  /** Nothing more arrives; both ends find out in time. */
  mute(): void {
    this.#isMute = true
    if (this.#other !== undefined) this.#other.#isMute = true
    this.check()
    this.#other?.check()
  }

  crash(): void {
    this.#isCrashed = true
    for (const timer of this.#timers) timer.cancel()
    this.#network.gone(this, this.#dial)
    this.#isClosed = true
    this.#other?.mute()
  }

  check(): void {
    if (this.#isClosed || !this.#isOpen) return
    const other = this.#other
    if (this.#passes && other !== undefined && !other.#isClosed) {
      for (const timer of this.#silence) timer.cancel()
      this.#silence = []
      this.#flush()
    } else if (this.#silence.length === 0) {
      this.#silence = [
        this.#later(troubledAfter, () => this.#events.trouble()),
        this.#later(failedAfter, () => this.sever('failed')),
      ]
    }
  }

  get #passes(): boolean {
    const { self, remote } = this
    return (
      !this.#isMute &&
      this.#network.passes(self, remote, 'direct') &&
      this.#network.passes(remote, self, 'direct')
    )
  }

  #connect(): void {
    if (this.#isClosed || this.#isOpen || !this.#passes) return
    this.#isOpen = true
    this.#events.open()
    this.check()
  }

  #flush(): void {
    const other = this.#other
    if (other === undefined || other.#isClosed || !this.#passes) return
    const now = this.#runtime.now()
    for (const frame of this.#waiting.splice(0)) {
      this.#arrival = Math.max(this.#arrival, now + this.#network.delay(this.self, this.remote, 'direct'))
      const copy = frame.slice()
      // The receiver may open a moment later than its first frame comes; a channel keeps it until then.
      const arrive = (): void => {
        if (other.#isOpen) other.#events.frame(copy)
        else if (!other.#isClosed) other.#later(1, arrive)
      }
      other.#later(this.#arrival - now, arrive)
    }
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#network.gone(this, this.#dial)
    this.#runtime.timer(0, () => this.#events.close(reason))
  }

  /** A timer that dies with the link. */
  #later(delay: number, fire: () => void): Timer {
    const timer = this.#runtime.timer(delay, () => {
      this.#timers.delete(timer)
      if (!this.#isClosed) fire()
    })
    this.#timers.add(timer)
    return timer
  }
}

class MemorySignaling implements Signaling {
  readonly self: PeerInfo
  readonly #network: MemoryNetwork
  readonly #runtime: Runtime
  readonly #room: string
  readonly #events: SignalingEvents
  #isConnected = false
  #isClosed = false
  #retry: Timer | undefined
  readonly #arrivals = new Map<PeerId, number>()
  readonly buffered = 0

  constructor(
    network: MemoryNetwork,
    runtime: Runtime,
    room: string,
    self: PeerInfo,
    events: SignalingEvents,
  ) {
    this.#network = network
    this.#runtime = runtime
    this.#room = room
    this.self = self
    this.#events = events
    this.#connectIn(network.delay(self.id, '', 'server'))
  }

  get connected(): boolean {
    return this.#isConnected
  }

  sendOffer(to: PeerId, payload: Uint8Array): void {
    this.#carry(to, payload, (place, bytes) => place.#events.offered(this.self.id, bytes))
  }

  relay(to: PeerId, frame: Uint8Array): void {
    this.#carry(to, frame, (place, bytes) => place.#events.relayed(this.self.id, bytes))
  }

  close(clean: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#retry?.cancel()
    this.#network.left(this)
    this.#leave(clean)
  }

  crash(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    this.#network.left(this)
    this.#leave(false)
  }

  check(): void {
    if (!this.#isConnected || this.#passes) return
    this.#leave(false)
    this.#runtime.timer(0, () => {
      if (!this.#isClosed) this.#events.lost()
    })
    this.#connectIn(this.#network.options.reconnectAfter ?? 500)
  }

  get #passes(): boolean {
    return (
      this.#network.passes(this.self.id, '', 'server') && this.#network.passes('', this.self.id, 'server')
    )
  }

  #connectIn(delay: number): void {
    this.#retry = this.#runtime.timer(delay, () => {
      if (this.#isClosed) return
      if (!this.#passes) return this.#connectIn(this.#network.options.reconnectAfter ?? 500)
      const room = this.#network.room(this.#room)
      if (room.size >= (this.#network.options.roomSize ?? Number.POSITIVE_INFINITY)) {
        this.#isClosed = true
        this.#network.left(this)
        return this.#events.refused(new RingmeshError('RoomFull', 'the room is full'))
      }
      const there = [...room.values()]
      room.set(this.self.id, this)
      this.#isConnected = true
      for (const place of there) this.#tell(place, () => place.#events.joined(this.self))
      this.#events.welcome(
        there.map((place) => place.self),
        this.#network.options.iceServers ?? [],
      )
    })
  }

  #leave(clean: boolean): void {
    if (!this.#isConnected) return
    this.#isConnected = false
    const room = this.#network.room(this.#room)
    room.delete(this.self.id)
    for (const place of room.values()) this.#tell(place, () => place.#events.closed(this.self.id, clean))
  }

  #carry(to: PeerId, bytes: Uint8Array, arrive: (place: MemorySignaling, bytes: Uint8Array) => void): void {
    if (!this.#isConnected) return
    const place = this.#network.room(this.#room).get(to)
    if (place === undefined) {
      this.#tell(this, () => this.#events.unreachable(to))
      return
    }
    const copies = this.#network.options.carried?.(this.self.id, to, bytes) ?? [bytes]
    for (const copy of copies) {
      const own = copy.slice()
      this.#tell(place, () => arrive(place, own))
    }
  }

  /** Through the server to one who is there, in order. */
  #tell(place: MemorySignaling, tell: () => void): void {
    const now = this.#runtime.now()
    const trip =
      this.#network.delay(this.self.id, '', 'server') + this.#network.delay('', place.self.id, 'server')
    const arrival = Math.max(this.#arrivals.get(place.self.id) ?? 0, now + trip)
    this.#arrivals.set(place.self.id, arrival)
    this.#runtime.timer(arrival - now, () => {
      if (place.#isConnected) tell()
    })
  }
}
