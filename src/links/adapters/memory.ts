import type { Runtime } from '../../runtime/index.js'
import type { PeerId } from '../../wire/index.js'
import type { OpenDirect } from '../direct-link.js'
import type { OpenSignaling } from '../signaling.js'
import { type MemoryDials, MemoryLink } from './memory-link.js'
import type { MemoryNetworkOptions, Way } from './memory-options.js'
import { type MemoryServer, MemorySignaling } from './memory-signaling.js'

export type { MemoryFaults, MemoryNetworkOptions, Way } from './memory-options.js'

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
export class MemoryNetwork implements MemoryDials, MemoryServer {
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
