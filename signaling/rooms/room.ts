import type { Timer } from '../../src/runtime/index.js'
import type { Presence } from './bus.js'
import type { Announcements, LocalPeer, Present } from './present.js'

/** A peer in a room whose socket is at this instance. */
export class Local implements Present {
  readonly id: string
  readonly instance: string
  readonly session: number
  readonly peer: LocalPeer
  /** Welcomed and announced. */
  inside = false
  /** The bus was told, and may know of it until it is withdrawn. */
  isAnnounced = false
  /** Its announcements that have not come back: while there are any, others' on the bus are older. */
  underWay = 0

  constructor(id: string, instance: string, session: number, peer: LocalPeer) {
    this.id = id
    this.instance = instance
    this.session = session
    this.peer = peer
  }

  get info(): Uint8Array {
    return this.peer.info
  }
}

/** Shared by the rooms that have no peer elsewhere; never written to. */
const nobody = new Map<string, never>()

/** Of the only peer in a room. */
const noOthers: readonly Present[] = []

/** What one instance knows of one room: those here, those elsewhere, and what it waits for from the bus. */
export class Room {
  readonly name: string
  readonly announcements: Announcements
  readonly local = new Map<string, Local>()
  /** What the bus told between the request for a snapshot and its coming: newer than the snapshot. Undefined: none is awaited. */
  overlay: Map<string, Presence | undefined> | undefined
  /** Set until the room's first peers may be welcomed. */
  waiting: Timer | undefined
  /** Set while peers are believed in that the bus, just back, does not know yet. */
  doubts: Timer | undefined
  /** {@link nobody} in a room that is all here, as every one of an instance that is alone. */
  #remote: Map<string, Presence> = nobody

  constructor(name: string, announcements: Announcements) {
    this.name = name
    this.announcements = announcements
  }

  /** Those whose socket is at another instance. */
  get remote(): ReadonlyMap<string, Presence> {
    return this.#remote
  }

  get population(): number {
    return this.local.size + this.#remote.size
  }

  /** Of these, those who are in. */
  get inside(): number {
    let inside = this.#remote.size
    for (const local of this.local.values()) if (local.inside) inside++
    return inside
  }

  get ids(): string[] {
    return [...this.local.keys(), ...this.#remote.keys()]
  }

  has(id: string): boolean {
    return this.local.has(id) || this.#remote.has(id)
  }

  /** Those who are in, but for one. */
  othersThan(self: Local): Iterable<Present> {
    return this.population === 1 ? noOthers : this.#all(self)
  }

  *#all(self: Local): Iterable<Present> {
    for (const other of this.local.values()) if (other.inside && other !== self) yield other
    yield* this.#remote.values()
  }

  /** A peer is at another instance. */
  seeElsewhere(presence: Presence): void {
    if (this.#remote === nobody) this.#remote = new Map()
    this.#remote.set(presence.id, presence)
  }

  /** A peer is at no other instance any more; false where it was at none. */
  lostElsewhere(id: string): boolean {
    return this.#remote.delete(id)
  }

  /** Sends a frame to those who are in and here. */
  tell(frame: Uint8Array | undefined, except?: Local): void {
    if (frame === undefined) return
    for (const local of [...this.local.values()]) {
      if (local.inside && local !== except) local.peer.deliver(frame)
    }
  }

  stopWaiting(): void {
    this.waiting?.cancel()
    this.waiting = undefined
  }

  stopDoubting(): void {
    this.doubts?.cancel()
    this.doubts = undefined
  }
}
