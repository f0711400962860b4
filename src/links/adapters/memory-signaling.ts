import { RingmeshError } from '../../errors/index.js'
import type { Runtime, Timer } from '../../runtime/index.js'
import type { PeerId, PeerInfo } from '../../wire/index.js'
import type { Signaling, SignalingEvents } from '../signaling.js'
import type { MemoryWays } from './memory-options.js'

/** The server that places are in. */
export interface MemoryServer extends MemoryWays {
  /** Who is in a room, by id. */
  room(name: string): Map<PeerId, MemorySignaling>
  /** The place is given up. */
  left(place: MemorySignaling): void
}

/** A peer's place in a room of the network's server. */
export class MemorySignaling implements Signaling {
  readonly self: PeerInfo
  readonly #network: MemoryServer
  readonly #runtime: Runtime
  readonly #room: string
  readonly #events: SignalingEvents
  #isConnected = false
  #isClosed = false
  #retry: Timer | undefined
  readonly #arrivals = new Map<PeerId, number>()
  readonly buffered = 0

  constructor(
    network: MemoryServer,
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
