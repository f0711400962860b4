import type { Cluster } from '../mesh/index.js'
import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { HybridClock } from './clock.js'
import { pinTime } from './constants.js'
import { Entry } from './entry.js'
import type { Placement } from './placement.js'
import { join, type StoreRecord } from './record.js'
import { Shelf } from './shelf.js'
import { HashTree } from './tree.js'

export interface ReplicaEvents {
  /** The state of a key changed here. */
  changed(entry: Entry): void
  /** A key is not held here any more. */
  dropped(entry: Entry): void
  /** A key that was held for others is this peer's own now. */
  owned(entry: Entry): void
}

/** What came of a record: its entry, or that its stamp is too far in the future to be believed. */
export type Applied = { readonly entry: Entry; readonly changed: boolean } | 'ahead'

/**
 * The keys that this peer holds, of all stores, owned or not. Joining records into it is the only
 * way that state changes; what follows (storage, watches, handoff) listens.
 */
export class Replica {
  readonly #cluster: Cluster
  readonly #placement: Placement
  readonly #clock: HybridClock
  readonly #events: ReplicaEvents
  readonly #shelves = new Map<string, Shelf>()
  readonly #trees = new Map<PeerId, HashTree>()
  /** Held and not owned: to be handed to the owners, then dropped. */
  readonly foreign = new Set<Entry>()
  #keys = 0
  #bytes = 0

  constructor(cluster: Cluster, placement: Placement, clock: HybridClock, events: ReplicaEvents) {
    this.#cluster = cluster
    this.#placement = placement
    this.#clock = clock
    this.#events = events
  }

  get keys(): number {
    return this.#keys
  }

  /** Bytes of content and keys held. */
  get bytes(): number {
    return this.#bytes
  }

  shelves(): IterableIterator<Shelf> {
    return this.#shelves.values()
  }

  /** The shelf of a store, made when it is new. */
  shelf(name: string, replicas: number): Shelf {
    let shelf = this.#shelves.get(name)
    if (shelf === undefined) {
      shelf = new Shelf(name, replicas)
      this.#shelves.set(name, shelf)
    } else if (replicas > shelf.replicas) {
      shelf.replicas = replicas
      for (const entry of shelf.entries.values()) this.reown(entry)
    }
    return shelf
  }

  find(store: string, key: string): Entry | undefined {
    return this.#shelves.get(store)?.entries.get(key)
  }

  holds(entry: Entry): boolean {
    return this.find(entry.store, entry.key) === entry
  }

  /** Every entry of every store. */
  *entries(): Generator<Entry> {
    for (const shelf of this.#shelves.values()) yield* shelf.entries.values()
  }

  /** By how many bytes what is held would grow, about, were this record joined into it. */
  growth({ store, key, content }: StoreRecord): number {
    const held = this.find(store, key)
    const before = held === undefined ? 0 : bytesOf(held)
    return key.length + (content?.byteLength ?? 0) - before
  }

  /** Joins a record into what is held. */
  apply(record: StoreRecord): Applied {
    if (this.#clock.isAhead(record.version) && !isPlanted('unbounded-clock')) return 'ahead'
    this.#clock.observe(record.version)
    const shelf = this.shelf(record.store, record.replicas)
    const held = shelf.entries.get(record.key)
    if (held === undefined) {
      const entry = new Entry(shelf, record, this.#placement.owners(record.key, shelf.replicas))
      entry.content = inOwnMemory(entry.content)
      shelf.add(entry)
      this.#keys++
      this.#bytes += bytesOf(entry)
      this.#file(entry)
      this.#events.changed(entry)
      return { entry, changed: true }
    }
    const joined = join(held, record)
    if (joined === held) return { entry: held, changed: false }
    this.#unfile(held)
    this.#bytes -= bytesOf(held)
    held.kind = joined.kind
    held.version = joined.version
    held.content = inOwnMemory(joined.content)
    held.rehash()
    this.#bytes += bytesOf(held)
    this.#file(held)
    this.#events.changed(held)
    return { entry: held, changed: true }
  }

  /** Forgets a key. The caller has made sure that nothing acknowledged is lost by it. */
  drop(entry: Entry): void {
    if (!this.holds(entry)) return
    this.#unfile(entry)
    this.#shelves.get(entry.store)?.remove(entry)
    this.foreign.delete(entry)
    this.#keys--
    this.#bytes -= bytesOf(entry)
    this.#events.dropped(entry)
  }

  /** Looks at the ring again for one key. */
  reown(entry: Entry): void {
    const owners = this.#placement.owners(entry.key, entry.replicas)
    if (owners === entry.owners) {
      this.#sortOut(entry)
      return
    }
    this.#unfile(entry)
    entry.owners = owners
    this.#file(entry)
  }

  /** Whether this peer owns a key, now or as soon as those that come and go have done so. */
  owns(key: string, replicas: number): boolean {
    return (
      this.#placement.owners(key, replicas).includes(this.#cluster.self) ||
      (this.#placement.isMoving && this.#placement.nextOwners(key, replicas).includes(this.#cluster.self))
    )
  }

  /** Promises not to drop a key for a while, whatever happens to the rings. */
  pin(entry: Entry): void {
    entry.pinnedUntil = this.#cluster.runtime.now() + pinTime
  }

  /** Hashes of what this peer and another own together. */
  tree(peer: PeerId): HashTree {
    let tree = this.#trees.get(peer)
    if (tree === undefined) {
      tree = new HashTree()
      this.#trees.set(peer, tree)
    }
    return tree
  }

  /**
   * Forgets the hashes shared with peers that own nothing any more. To be called when every key was looked at under
   * the present ring: before, what is still in the hashes of such a peer would be missing from those that are made
   * when it is back.
   */
  forgetFormerOwners(): void {
    for (const peer of this.#trees.keys()) if (!this.#cluster.ring.has(peer)) this.#trees.delete(peer)
  }

  /** Peers with which hashes are shared. */
  get sharers(): number {
    return this.#trees.size
  }

  #file(entry: Entry): void {
    this.#toggle(entry)
    this.#sortOut(entry)
  }

  #unfile(entry: Entry): void {
    this.#toggle(entry)
  }

  #sortOut(entry: Entry): void {
    if (entry.owners.includes(this.#cluster.self) || this.owns(entry.key, entry.replicas)) {
      if (this.foreign.delete(entry)) this.#events.owned(entry)
    } else this.foreign.add(entry)
  }

  #toggle(entry: Entry): void {
    const { owners } = entry
    if (!owners.includes(this.#cluster.self)) return
    for (const peer of owners) {
      if (peer !== this.#cluster.self) this.tree(peer).toggle(entry.leaf, entry.high, entry.low)
    }
  }
}

function bytesOf(entry: Entry): number {
  return entry.key.length + (entry.content?.byteLength ?? 0)
}

/**
 * What came in a frame lies in the frame's memory, which would stay for as long as it: 64 KiB for a few bytes, and only
 * these are counted against what a peer holds.
 */
function inOwnMemory(content: Uint8Array | null): Uint8Array | null {
  if (content === null || content.buffer.byteLength <= 2 * content.byteLength) return content
  return new Uint8Array(content)
}
