import type { Runtime } from '../../src/runtime/index.js'
import type { Bus, BusEvents, Presence } from './bus.js'
import type { Announcements, LocalPeer } from './present.js'
import { Local, Room } from './room.js'

/**
 * A room that nobody of this instance was in before waits so long for the others' peers, in
 * milliseconds, before its first peer is welcomed without them: a Redis in the same building
 * answers in 1, and those who come later are told one by one.
 */
const patience = 2_000

/**
 * When the bus is back, and empty, the instances announce their peers one after the other; so long,
 * in milliseconds, a peer that is missing there is still believed in. Instances look for a lost
 * Redis at least every second.
 */
const grace = 5_000

/**
 * Who is in which room, over all instances: those here, of whom this instance is the authority, and
 * those elsewhere, as the bus tells.
 *
 * A peer that joins twice is at its newest socket. Between instances, newest is the order of the
 * bus, which is the same for all: an instance that hears of another's claim after its own has come
 * back gives the peer up, and before that ignores it.
 */
export class Directory {
  readonly #runtime: Runtime
  readonly #bus: Bus
  readonly #rooms = new Map<string, Room>()
  readonly #onBus: (up: boolean) => void
  #sessions = 0

  /** @param onBus - told when the bus is lost and when it is back */
  constructor(runtime: Runtime, bus: Bus, onBus: (up: boolean) => void = () => {}) {
    this.#runtime = runtime
    this.#bus = bus
    this.#onBus = onBus
    const events: BusEvents = {
      snapshot: (room, all) => this.#snapshot(room, all),
      entered: (room, presence) => this.#entered(room, presence),
      left: (room, id, instance, session, clean) => this.#left(room, id, instance, session, clean),
      frame: (room, to, frame) => {
        const local = this.#rooms.get(room)?.local.get(to)
        // Before its welcome a frame can only be for the peer's last socket here.
        if (local?.inside) local.peer.deliver(frame)
      },
      instanceDown: (instance) => this.#instanceDown(instance),
      up: () => this.#up(),
      down: () => this.#down(),
    }
    bus.start(events)
  }

  /** Rooms with a peer here. */
  get rooms(): number {
    return this.#rooms.size
  }

  /** Peers in a room, as far as is known here. */
  population(name: string): number {
    return this.#rooms.get(name)?.population ?? 0
  }

  /** The ids in a room, as far as is known here. */
  ids(name: string): string[] {
    return this.#rooms.get(name)?.ids ?? []
  }

  /** The room's name as it is kept here; undefined for a room that nobody here is in. */
  nameOf(name: string): string | undefined {
    return this.#rooms.get(name)?.name
  }

  has(name: string, id: string): boolean {
    return this.#rooms.get(name)?.has(id) ?? false
  }

  /**
   * Brings a peer into a room; `peer.welcome` follows, at once when the room is known here.
   * @returns the session, to leave with
   */
  enter(name: string, id: string, peer: LocalPeer, announcements: Announcements): number {
    const room = this.#rooms.get(name) ?? this.#create(name, announcements)
    const before = room.local.get(id)
    const session = ++this.#sessions
    if (before !== undefined && peer.mayReplace?.(before) === false) return session
    const local = new Local(id, this.#bus.instance, session, peer)
    room.local.set(id, local)
    // Where the bus works, the announcement of the new socket takes the place of the old one's.
    if (before !== undefined && !this.#bus.connected) this.#withdraw(name, before, false)
    before?.peer.replaced()
    if (room.waiting === undefined) this.#comeIn(room, local)
    return session
  }

  /** Takes a peer out; does nothing when it is at another socket by now. */
  leave(name: string, id: string, session: number, clean: boolean): void {
    const room = this.#rooms.get(name)
    const local = room?.local.get(id)
    if (room === undefined || local?.session !== session) return
    room.local.delete(id)
    if (local.inside) {
      if (room.local.size > 0) room.tell(room.announcements.left(id, clean))
      this.#withdraw(name, local, clean)
    }
    this.#forgetIfEmpty(room)
  }

  /** Carries a frame to a peer of the room; false when it is not there or cannot be reached now. */
  deliver(name: string, to: string, frame: Uint8Array): boolean {
    const room = this.#rooms.get(name)
    const local = room?.local.get(to)
    if (local !== undefined) {
      if (local.inside) local.peer.deliver(frame)
      return local.inside
    }
    const remote = room?.remote.get(to)
    return remote !== undefined && this.#bus.send(remote.instance, name, to, frame)
  }

  #create(name: string, announcements: Announcements): Room {
    const room = new Room(name, announcements)
    this.#rooms.set(name, room)
    if (this.#bus.connected) {
      room.waiting = this.#runtime.timer(patience, () => this.#letIn(room))
      this.#ask(room)
    }
    return room
  }

  #ask(room: Room): void {
    room.overlay = new Map()
    this.#bus.open(room.name)
  }

  #comeIn(room: Room, local: Local): void {
    const { id, peer } = local
    const elsewhere = room.remote.get(id)
    if (elsewhere !== undefined && peer.mayReplace?.(elsewhere) === false) {
      this.#turnAway(room, local)
      return
    }
    local.inside = true
    room.lostElsewhere(id)
    peer.welcome(room.othersThan(local))
    // An announcement is not even put together where nobody is there to hear it.
    if (room.local.size > 1) room.tell(room.announcements.entered(local), local)
    this.#announce(room, local)
  }

  #announce(room: Room, local: Local): void {
    if (!this.#bus.connected) return
    local.underWay++
    local.isAnnounced = true
    this.#bus.announce(room.name, local)
  }

  #withdraw(name: string, local: Local, clean: boolean): void {
    if (local.isAnnounced) this.#bus.withdraw(name, local, clean)
  }

  /** Welcomes those who waited for the room to become known. */
  #letIn(room: Room): void {
    room.stopWaiting()
    for (const local of [...room.local.values()]) {
      if (local.inside) continue
      // Until now nobody could say how many there are.
      const isNew = !room.remote.has(local.id)
      if (isNew && local.peer.mayJoin?.(room.inside) === false) this.#turnAway(room, local)
      else this.#comeIn(room, local)
    }
  }

  #turnAway(room: Room, local: Local): void {
    if (room.local.get(local.id) !== local) return
    room.local.delete(local.id)
    this.#forgetIfEmpty(room)
  }

  #forgetIfEmpty(room: Room): void {
    if (room.local.size > 0) return
    room.stopWaiting()
    room.stopDoubting()
    this.#rooms.delete(room.name)
    this.#bus.close(room.name)
    room.announcements.emptied(room.name)
  }

  #entered(name: string, presence: Presence): void {
    const room = this.#rooms.get(name)
    if (room === undefined) return
    const local = room.local.get(presence.id)
    if (presence.instance === this.#bus.instance) {
      if (local?.session === presence.session) local.underWay = Math.max(0, local.underWay - 1)
      room.overlay?.set(presence.id, undefined)
      // An older claim of another instance, which came after the peer had left here again: it gave the peer up for ours.
      if (room.lostElsewhere(presence.id)) room.tell(room.announcements.left(presence.id, false))
      return
    }
    if (local?.inside && local.underWay > 0) return
    const before = room.remote.get(presence.id)
    room.overlay?.set(presence.id, presence)
    room.seeElsewhere(presence)
    if (local?.inside) {
      room.local.delete(presence.id)
      local.peer.replaced()
    }
    if (!isSame(before, presence)) room.tell(room.announcements.entered(presence))
    this.#forgetIfEmpty(room)
  }

  #left(name: string, id: string, instance: string, session: number, clean: boolean): void {
    const room = this.#rooms.get(name)
    const remote = room?.remote.get(id)
    if (room === undefined) return
    const overlaid = room.overlay?.get(id)
    if (overlaid === undefined || (overlaid.instance === instance && overlaid.session === session)) {
      room.overlay?.set(id, undefined)
    }
    if (remote?.instance !== instance || remote.session !== session) return
    room.lostElsewhere(id)
    room.tell(room.announcements.left(id, clean))
  }

  #snapshot(name: string, all: readonly Presence[]): void {
    const room = this.#rooms.get(name)
    if (room?.overlay === undefined) return
    const current = new Map<string, Presence>()
    for (const presence of all) {
      if (presence.instance !== this.#bus.instance) current.set(presence.id, presence)
    }
    for (const [id, presence] of room.overlay) {
      if (presence === undefined) current.delete(id)
      else current.set(id, presence)
    }
    room.overlay = undefined
    for (const id of [...room.remote.keys()]) {
      if (current.has(id) || room.doubts !== undefined) continue
      room.lostElsewhere(id)
      room.tell(room.announcements.left(id, false))
    }
    for (const presence of current.values()) {
      const before = room.remote.get(presence.id)
      // A peer that has a socket here is here: should it be elsewhere by now, that will be announced.
      if (room.local.get(presence.id)?.inside === true) continue
      room.seeElsewhere(presence)
      if (!isSame(before, presence)) room.tell(room.announcements.entered(presence))
    }
    this.#letIn(room)
  }

  #instanceDown(instance: string): void {
    for (const room of this.#rooms.values()) {
      for (const { id, session } of [...room.remote.values()].filter((peer) => peer.instance === instance)) {
        this.#left(room.name, id, instance, session, false)
      }
    }
  }

  #up(): void {
    for (const room of this.#rooms.values()) {
      room.stopDoubting()
      room.doubts = this.#runtime.timer(grace, () => {
        room.doubts = undefined
        if (this.#bus.connected) this.#ask(room)
      })
      this.#ask(room)
      for (const local of room.local.values()) if (local.inside) this.#announce(room, local)
    }
    this.#onBus(true)
  }

  #down(): void {
    for (const room of this.#rooms.values()) {
      room.overlay = undefined
      room.stopDoubting()
      for (const local of room.local.values()) local.underWay = 0
      this.#letIn(room)
    }
    this.#onBus(false)
  }
}

function isSame(a: Presence | undefined, b: Presence): boolean {
  return a?.instance === b.instance && a.session === b.session
}
