import type { Runtime } from '../../src/runtime/index.js'
import type { Bus, BusEvents, Presence } from './bus.js'

interface HubRoom {
  readonly present: Map<string, Presence>
  /** Each with a name for this subscription: what was sent to an earlier one is not for a later one. */
  readonly listeners: Map<MemoryBus, number>
}

/**
 * The bus within one process: what a single instance uses, where nobody else is on it, and what
 * tests and the simulator put several instances on.
 *
 * @example
 * ```ts
 * const hub = new MemoryHub(runtime)
 * const [one, two] = [hub.bus('one'), hub.bus('two')]
 * ```
 */
export class MemoryHub {
  readonly #runtime: Runtime
  readonly #delay: number
  readonly rooms = new Map<string, HubRoom>()
  readonly buses = new Map<string, MemoryBus>()
  readonly remembered = new Map<string, number>()
  #up = true
  /** Raised when the bus is lost: what was under way then never comes. */
  #epoch = 0
  #subscriptions = 0

  /** @param delay - milliseconds that every notice takes */
  constructor(runtime: Runtime, delay = 0) {
    this.#runtime = runtime
    this.#delay = delay
  }

  /** A new instance's end of the bus. */
  bus(instance: string): MemoryBus {
    const bus = new MemoryBus(this, instance)
    this.buses.set(instance, bus)
    return bus
  }

  get now(): number {
    return this.#runtime.now()
  }

  /** Loses or finds the bus for all instances; with it goes what it kept, as when Redis restarts empty. */
  setUp(up: boolean): void {
    if (up === this.#up) return
    this.#up = up
    this.#epoch++
    this.rooms.clear()
    this.remembered.clear()
    for (const bus of this.buses.values()) this.tellState(bus)
  }

  /** Tells an instance, after the usual delay, whether the bus works. */
  tellState(bus: MemoryBus): void {
    const epoch = this.#epoch
    this.#runtime.timer(this.#delay, () => {
      if (epoch === this.#epoch) bus.changed(this.#up)
    })
  }

  /** An instance dies without a word; the others hear of it as they would when its key expires. */
  kill(instance: string): void {
    this.buses.get(instance)?.cutOff()
    this.buses.delete(instance)
    for (const room of this.rooms.values()) {
      for (const presence of room.present.values()) {
        if (presence.instance === instance) room.present.delete(presence.id)
      }
      for (const bus of room.listeners.keys()) if (bus.instance === instance) room.listeners.delete(bus)
    }
    for (const bus of this.buses.values()) this.tell(bus, (events) => events.instanceDown(instance))
  }

  room(name: string): HubRoom {
    let room = this.rooms.get(name)
    if (room === undefined) {
      room = { present: new Map(), listeners: new Map() }
      this.rooms.set(name, room)
    }
    return room
  }

  /** Tells an instance something, after the usual delay, unless the bus is lost meanwhile. */
  tell(bus: MemoryBus | undefined, notice: (events: BusEvents) => void): void {
    const epoch = this.#epoch
    if (!this.#up) return
    this.#runtime.timer(this.#delay, () => {
      if (epoch === this.#epoch && bus?.events !== undefined) notice(bus.events)
    })
  }

  /** Tells all that listen to a room, unless they have ceased to when it comes. */
  notify(name: string, room: HubRoom, notice: (events: BusEvents) => void): void {
    for (const [bus, subscription] of room.listeners) {
      this.tell(bus, (events) => {
        if (this.rooms.get(name)?.listeners.get(bus) === subscription) notice(events)
      })
    }
  }

  nextSubscription(): number {
    return ++this.#subscriptions
  }

  /** Calls back after the usual delay, whatever happens. */
  later(act: () => void): void {
    this.#runtime.timer(this.#delay, act)
  }
}

/** One instance's end of a {@link MemoryHub}. */
export class MemoryBus implements Bus {
  readonly instance: string
  readonly #hub: MemoryHub
  events: BusEvents | undefined
  #connected = false

  constructor(hub: MemoryHub, instance: string) {
    this.#hub = hub
    this.instance = instance
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Neither hears nor is heard any more. */
  cutOff(): void {
    this.events = undefined
    this.#connected = false
  }

  /** The hub was lost or found. */
  changed(up: boolean): void {
    if (this.events === undefined) return
    // Lost and found again before anybody was told: what was kept is lost all the same.
    if (this.#connected) {
      this.#connected = false
      this.events.down()
    }
    this.#connected = up
    if (up) this.events.up()
  }

  start(events: BusEvents): void {
    this.events = events
    this.#hub.tellState(this)
  }

  open(name: string): void {
    if (!this.connected) return
    const room = this.#hub.room(name)
    if (!room.listeners.has(this)) room.listeners.set(this, this.#hub.nextSubscription())
    const all = [...room.present.values()]
    const subscription = room.listeners.get(this)
    this.#hub.tell(this, (events) => {
      if (this.#hub.rooms.get(name)?.listeners.get(this) === subscription) events.snapshot(name, all)
    })
  }

  close(name: string): void {
    const room = this.#hub.rooms.get(name)
    room?.listeners.delete(this)
    if (room?.listeners.size === 0 && room.present.size === 0) this.#hub.rooms.delete(name)
  }

  announce(name: string, { id, instance, session, info }: Presence): void {
    if (!this.connected) return
    // A copy, as over a network: the other instances do not see into this one.
    const presence: Presence = { id, instance, session, info }
    const room = this.#hub.room(name)
    room.present.set(presence.id, presence)
    this.#hub.notify(name, room, (events) => events.entered(name, presence))
  }

  withdraw(name: string, { id, instance, session }: Presence, clean: boolean): void {
    const room = this.#hub.rooms.get(name)
    const present = room?.present.get(id)
    if (!this.connected || room === undefined) return
    if (present?.instance !== instance || present.session !== session) return
    room.present.delete(id)
    this.#hub.notify(name, room, (events) => events.left(name, id, instance, session, clean))
  }

  send(instance: string, name: string, to: string, frame: Uint8Array): boolean {
    if (!this.connected) return false
    this.#hub.tell(this.#hub.buses.get(instance), (events) => events.frame(name, to, frame))
    return true
  }

  remember(key: string, milliseconds: number): void {
    if (!this.connected) return
    const { remembered, now } = this.#hub
    // Insertion order is near enough the order of expiry to find the old ones at the front.
    for (const [old, until] of remembered) {
      if (until > now) break
      remembered.delete(old)
    }
    remembered.set(key, now + milliseconds)
  }

  remembered(key: string, settle: (answer: boolean | undefined) => void): void {
    const until = this.#hub.remembered.get(key)
    const answer = this.connected ? until !== undefined && until > this.#hub.now : undefined
    this.#hub.later(() => settle(answer))
  }

  stop(done: () => void): void {
    for (const [name, room] of this.#hub.rooms) {
      for (const presence of room.present.values()) {
        if (presence.instance === this.instance) this.withdraw(name, presence, false)
      }
      this.close(name)
    }
    this.cutOff()
    this.#hub.buses.delete(this.instance)
    this.#hub.later(done)
  }
}
