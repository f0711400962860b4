import { MemoryNetwork, type Way } from '../links/adapters/memory.js'
import type { OpenDirect, OpenSignaling } from '../links/index.js'
import { seededRandom, type VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Fate, Interference, NetworkOptions } from './network.js'
import type { TraceHash } from './trace-hash.js'

/** Milliseconds by which a lost packet comes later, as SCTP sends it again: its least time-out (RFC 9260, RTO.Min). */
const resentAfter = 1_000

/** Bytes a millisecond over one link: 2 Mbit/s, so that a long message takes most of a second. */
const linkRate = 250

export interface MeshNetworkOptions {
  readonly time: VirtualTime
  readonly hash: TraceHash
  readonly seed: string | number
  readonly network: NetworkOptions
  /** By which number faults know a page. */
  readonly numberOf: (id: PeerId) => number
}

/**
 * Links and a signalling server in memory, with the faults of a network: loss, delay, interferences,
 * cuts between groups and links that are severed. Links are reliable and in order while they last, as
 * data channels are: what the network loses is late.
 */
export class MeshNetwork {
  readonly #time: VirtualTime
  readonly #hash: TraceHash
  readonly #seed: string | number
  readonly #numberOf: (id: PeerId) => number
  readonly #memory: MemoryNetwork
  readonly #chances = new Map<PeerId, () => number>()
  readonly #interferences: Interference[] = []
  readonly #cuts: ((from: number, to: number) => boolean)[] = []
  readonly #severed = new Set<string>()
  readonly #fate: Fate = { isDropped: false, delay: 0, extraCopies: 0 }
  #options: NetworkOptions
  #isServerUp = true
  /** When the last frame that a fault held back is through at the latest, and with it all that stand in line behind it. */
  #heldUntil = 0

  constructor({ time, hash, seed, network, numberOf }: MeshNetworkOptions) {
    this.#time = time
    this.#hash = hash
    this.#seed = seed
    this.#options = network
    this.#numberOf = numberOf
    this.#memory = new MemoryNetwork(time.runtime('network'), {
      kind: 'direct',
      bytesPerMillisecond: linkRate,
      delay: (from, to, way) => this.#delay(from, to, way),
      passes: (from, to, way) => this.#passes(from, to, way),
      carried: (from, to, bytes) => this.#carried(from, to, bytes),
    })
  }

  /** Whether the server is there, and no fault touches what is under way, or has: what comes behind waits for it. */
  get isUndisturbed(): boolean {
    const isFree = this.#isServerUp && this.#cuts.length === 0 && this.#interferences.length === 0
    return isFree && this.#time.now >= this.#heldUntil
  }

  /** The ways of a new page into the network. */
  open(id: PeerId, name: string): { readonly openSignaling: OpenSignaling; readonly openDirect: OpenDirect } {
    this.#chances.set(id, seededRandom(`${this.#seed}/network/${name}`))
    return { openSignaling: this.#memory.signaling('simulated'), openDirect: this.#memory.direct(id) }
  }

  /** Loss and delay from now on. */
  set(options: NetworkOptions): void {
    this.#options = options
  }

  /** Puts a fault in force; the function that is returned ends it. */
  interfere(interference: Interference): () => void {
    this.#interferences.push(interference)
    return () => void this.#interferences.splice(this.#interferences.indexOf(interference), 1)
  }

  /** Lets nothing through where `isCut`; the function that is returned ends it. */
  cut(isCut: (from: number, to: number) => boolean): () => void {
    this.#cuts.push(isCut)
    this.#memory.refresh()
    return () => {
      this.#cuts.splice(this.#cuts.indexOf(isCut), 1)
      this.#memory.refresh()
    }
  }

  /** No direct link between two is possible until it is restored. */
  sever(a: PeerId, b: PeerId): void {
    this.#severed.add(pair(a, b))
    this.#memory.breakLinks(a, b)
    this.#memory.refresh()
  }

  restore(a: PeerId, b: PeerId): void {
    this.#severed.delete(pair(a, b))
    this.#memory.refresh()
  }

  /** Breaks the links of a page. `silently`: the far ends learn by time-out. */
  breakLinks(id: PeerId, others: Iterable<PeerId>, silently = false): void {
    for (const other of others) this.#memory.breakLinks(id, other, silently)
  }

  /** The server sees the socket of a page close. */
  crash(id: PeerId): void {
    this.#memory.crash(id)
  }

  setServer(isUp: boolean): void {
    this.#isServerUp = isUp
    this.#memory.setServer(isUp)
  }

  #passes(from: PeerId, to: PeerId, way: Way): boolean {
    if (way === 'direct' && this.#severed.has(pair(from, to))) return false
    if (this.#cuts.length === 0) return true
    const [a, b] = [this.#numberOf(from), this.#numberOf(to)]
    return !this.#cuts.some((isCut) => isCut(a, b))
  }

  #delay(from: PeerId, to: PeerId, way: Way): number {
    const chance = this.#chances.get(from === '' ? to : from)
    if (chance === undefined) return 1
    const fate = this.#fate
    fate.isDropped = chance() < this.#options.loss
    fate.delay = this.#options.delay(chance)
    const ordinary = fate.isDropped ? fate.delay + resentAfter : fate.delay
    for (const interference of this.#interferences) {
      interference(this.#numberOf(from), this.#numberOf(to), fate)
    }
    this.#hash.integer(way === 'direct' ? 1 : 2)
    this.#hash.number(this.#time.now)
    const delay = fate.isDropped ? fate.delay + resentAfter : fate.delay
    // By the server it is two ways, of which the other may be as long.
    if (delay > ordinary) this.#heldUntil = Math.max(this.#heldUntil, this.#time.now + 2 * delay)
    return delay
  }

  /** What the server relays: copied where a fault has it so. */
  #carried(from: PeerId, to: PeerId, bytes: Uint8Array): readonly Uint8Array[] {
    const fate = this.#fate
    fate.isDropped = false
    fate.delay = 0
    fate.extraCopies = 0
    for (const interference of this.#interferences) {
      interference(this.#numberOf(from), this.#numberOf(to), fate)
    }
    // A WebSocket loses nothing, but a faulty server may repeat.
    return fate.extraCopies > 0 ? [bytes, bytes] : [bytes]
  }
}

/** One word for two peers in any order. */
function pair(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
