import type { PeerId } from '../wire/index.js'
import type { Version } from './clock.js'
import { basis, finished, hashOnto, otherBasis } from './hash.js'
import { markOf, type StoreRecord } from './record.js'

/** The store that a key belongs to. */
export interface ShelfLabel {
  readonly name: string
  /** Copies of every key. Where peers disagree the larger number counts, so that they come to agree. */
  readonly replicas: number
}

/** One key held by this peer. There may be hundreds of thousands: everything here is counted in bytes. */
export class Entry implements StoreRecord {
  readonly #shelf: ShelfLabel
  readonly key: string
  kind: number
  version: Version
  content: Uint8Array | null
  /** Who owns the key, as of the last look at the ring; the list is shared between keys. */
  owners: readonly PeerId[]
  /** Until when (`runtime.now()`) this peer has promised to keep it. */
  pinnedUntil = 0
  /** Place in the tree of hashes, 0 to 4095. */
  readonly leaf: number
  /** 64 bits that name the key and its state, for the tree. */
  high = 0
  low = 0

  constructor(shelf: ShelfLabel, record: StoreRecord, owners: readonly PeerId[]) {
    this.#shelf = shelf
    this.key = record.key
    this.kind = record.kind
    this.version = record.version
    this.content = record.content
    this.owners = owners
    this.leaf = finished(hashOnto(hashOnto(basis, shelf.name), record.key)) >>> 20
    this.rehash()
  }

  get store(): string {
    return this.#shelf.name
  }

  get replicas(): number {
    return this.#shelf.replicas
  }

  get mark(): string {
    return markOf(this)
  }

  /** To be called whenever the state changed. */
  rehash(): void {
    const mark = this.mark
    this.high = finished(hashOnto(hashOnto(hashOnto(basis, this.#shelf.name), this.key), mark))
    this.low = finished(hashOnto(hashOnto(hashOnto(otherBasis, this.#shelf.name), this.key), mark))
  }
}
