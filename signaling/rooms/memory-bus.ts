import type { Runtime } from '../../src/runtime/index.js'
import type { Bus, BusEvents, Presence } from './bus.js'

interface HubRoom {
  readonly present: Map<string, Presence>
  readonly listeners: Set<MemoryBus>
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

  get up(): boolean {
    return this.#up
  }

  get now(): number {
    return this.#runtime.now()
  }

  /** Loses or finds the bus for all instances; with it goes what it kept, as when Redis restarts empty. */
  setUp(up: boolean): void {
    if (up === this.#up) return
    this.#up = up
    this.rooms.clear()
    for (const bus of this.buses.values()) this.later(() => (up ? bus.events?.up() : bus.events?.down()))
  }

  /** An instance dies without a word; the others hear of it as they would when its key expires. */
  kill(instance: string): void {
    this.buses.delete(instance)
    for (const room of this.rooms.values()) {
      for (const presence of room.present.values()) {
        if (presence.instance === instance) room.present.delete(presence.id)
      }
      for (const bus of room.listeners) if (bus.instance === instance) room.listeners.delete(bus)
    }
    for (const bus of this.buses.values()) this.later(() => bus.events?.instanceDown(instance))
  }

  room(name: string): HubRoom {
    let room = this.rooms.get(name)
    if (room === undefined) {
      room = { present: new Map(), listeners: new Set() }
      this.rooms.set(name, room)
    }
    return room
  }

  later(act: () => void): void {
    this.#runtime.timer(this.#delay, act)
  }
}

/** One instance's end of a {@link MemoryHub}. */
export class MemoryBus implements Bus {
  readonly instance: string
  readonly #hub: MemoryHub
  events: BusEvents | undefined

  constructor(hub: MemoryHub, instance: string) {
    this.#hub = hub
    this.instance = instance
  }

  get connected(): boolean {
    return this.#hub.up && this.#hub.buses.has(this.instance)
  }

  start(events: BusEvents): void {
    this.events = events
    if (this.connected) this.#hub.later(() => this.events?.up())
  }

  open(name: string): void {
    if (!this.connected) return
    const room = this.#hub.room(name)
    room.listeners.add(this)
    const all = [...room.present.values()]
    this.#hub.later(() => this.events?.snapshot(name, all))
  }

  close(name: string): void {
    const room = this.#hub.rooms.get(name)
    room?.listeners.delete(this)
    if (room?.listeners.size === 0 && room.present.size === 0) this.#hub.rooms.delete(name)
  }

  announce(name: string, presence: Presence): void {
    if (!this.connected) return
    const room = this.#hub.room(name)
    room.present.set(presence.id, presence)
    for (const bus of room.listeners) this.#hub.later(() => bus.events?.entered(name, presence))
  }

  withdraw(name: string, { id, instance, session }: Presence, clean: boolean): void {
    const room = this.#hub.rooms.get(name)
    const present = room?.present.get(id)
    if (!this.connected || room === undefined) return
    if (present?.instance !== instance || present.session !== session) return
    room.present.delete(id)
    for (const bus of room.listeners) {
      this.#hub.later(() => bus.events?.left(name, id, instance, session, clean))
    }
  }

  send(instance: string, name: string, to: string, frame: Uint8Array): void {
    if (!this.connected) return
    this.#hub.later(() => this.#hub.buses.get(instance)?.events?.frame(name, to, frame))
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
    this.events = undefined
    this.#hub.buses.delete(this.instance)
    this.#hub.later(done)
  }
}
