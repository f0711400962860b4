import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import type { Balancer } from './balancer.js'
import { hintBytes, hintTime } from './constants.js'
import type { Entry } from './entry.js'

interface Hinted {
  /** When each key was written, oldest first. */
  readonly at: Map<Entry, number>
  bytes: number
}

/**
 * Keys that were written while one of their owners was suspected: brought to it when it turns out
 * to be alive. A hint names the key, as its owner holds the value anyway; it never counts as a
 * copy. Kept 5 minutes and 4 MiB of keys for a peer; what falls out is found by anti-entropy.
 */
export class Hints {
  readonly #cluster: Cluster
  readonly #balancer: Balancer
  readonly #hinted = new Map<PeerId, Hinted>()

  constructor(cluster: Cluster, balancer: Balancer) {
    this.#cluster = cluster
    this.#balancer = balancer
    cluster.on('change', ({ id, state }) => {
      if (state === 'alive') this.#deliver(id)
    })
    cluster.on('down', ({ id }) => this.#hinted.delete(id))
  }

  get waiting(): number {
    let waiting = 0
    for (const { at } of this.#hinted.values()) waiting += at.size
    return waiting
  }

  /** A key changed here: does one of its owners, suspected now, perhaps not hear of it? */
  note(entry: Entry): void {
    for (const owner of entry.owners) {
      if (owner === this.#cluster.self || this.#cluster.member(owner)?.state !== 'suspect') continue
      this.#add(owner, entry)
    }
  }

  #add(owner: PeerId, entry: Entry): void {
    let hinted = this.#hinted.get(owner)
    if (hinted === undefined) {
      hinted = { at: new Map(), bytes: 0 }
      this.#hinted.set(owner, hinted)
    }
    const { at } = hinted
    const now = this.#cluster.runtime.now()
    if (!at.delete(entry)) hinted.bytes += entry.key.length
    at.set(entry, now)
    for (const [oldest, time] of at) {
      if (now - time <= hintTime && hinted.bytes <= hintBytes) break
      at.delete(oldest)
      hinted.bytes -= oldest.key.length
    }
  }

  #deliver(owner: PeerId): void {
    const hinted = this.#hinted.get(owner)
    if (hinted === undefined) return
    this.#hinted.delete(owner)
    for (const entry of hinted.at.keys()) this.#balancer.bring(owner, entry)
  }
}
