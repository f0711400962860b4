import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Carrier } from './carrier.js'
import { bringRetry, longestBringRetry, offerLength, pinTime, scanLength } from './constants.js'
import type { Entry } from './entry.js'
import type { Placement } from './placement.js'
import type { Replica } from './replica.js'
import { status } from './status.js'

/** How many of the surviving old owners offer a key to a new one: two, as a single one may have missed the last write. */
const sources = 2

/** Batches under way to one peer: while the answers to one come back, the next is on its way. */
const batchesUnderWay = 2

/**
 * Sees to it that every owner gets what it should hold when the rings change: looks through all
 * keys and, where a key gained an owner, offers it to that one, if this peer is among the first
 * of its old owners. Also copies ahead what a suspected peer holds, so that little is left to do
 * should it be dead.
 */
export class Balancer {
  readonly #cluster: Cluster
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #carrier: Carrier
  /** What is still to be brought to whom. */
  readonly #due = new Map<PeerId, Due>()
  #scan: Iterator<Entry> | undefined
  #scanned = ''
  #settled: () => void
  #isClosed = false

  /** @param settled - called whenever a scan ended or a peer was brought everything */
  constructor(
    cluster: Cluster,
    replica: Replica,
    placement: Placement,
    carrier: Carrier,
    settled: () => void,
  ) {
    this.#cluster = cluster
    this.#replica = replica
    this.#placement = placement
    this.#carrier = carrier
    this.#settled = settled
    this.#scanned = this.#situation()
  }

  /** Whether every key was looked at since the rings last changed. */
  get isSorted(): boolean {
    return this.#scan === undefined && this.#scanned === this.#situation()
  }

  /** Whether a peer was brought everything that is due to it. */
  hasServed(peer: PeerId): boolean {
    return this.isSorted && !this.#due.has(peer)
  }

  /** Keys that are still to be brought to others. */
  get waiting(): number {
    let waiting = 0
    for (const due of this.#due.values()) waiting += due.size
    return waiting
  }

  /** To be called when a member or a ring changed. Answers whether the owners may have. */
  follow(): boolean {
    if (this.#scanned === this.#situation()) return false
    this.#scanned = this.#situation()
    for (const [peer, due] of this.#due) {
      if (this.#isReachable(peer)) continue
      due.retry?.cancel()
      this.#due.delete(peer)
    }
    const isRunning = this.#scan !== undefined
    this.#scan = this.#replica.entries()
    if (!isRunning) this.#cluster.runtime.timer(0, () => this.#continue())
    return true
  }

  /**
   * Brings one key to a peer, as soon as may be.
   * @param isShared - another peer brings it first: this one makes sure, once it has brought its own
   */
  bring(peer: PeerId, entry: Entry, isShared = false): void {
    if (this.#isClosed || peer === this.#cluster.self || !this.#isReachable(peer)) return
    let due = this.#due.get(peer)
    if (due === undefined) {
      due = new Due()
      this.#due.set(peer, due)
    }
    if (due.hasPinned(entry, this.#cluster.runtime.now())) return
    const isFirst = due.isEmpty
    due.add(entry, isShared)
    if (isFirst && !due.isEmpty) this.#cluster.runtime.timer(0, () => this.#serve(peer))
  }

  /** Nobody is brought anything any more. */
  close(): void {
    this.#isClosed = true
    this.#scan = undefined
    for (const { retry } of this.#due.values()) retry?.cancel()
    this.#due.clear()
  }

  /** What the owners depend on: both rings, and who is suspected. */
  #situation(): string {
    const { ring, nextRing } = this.#cluster
    return `${ring.digest} ${nextRing.digest} ${[...this.#suspects()].join()}`
  }

  #suspects(): Set<PeerId> {
    const suspects = new Set<PeerId>()
    for (const { id, state } of this.#cluster.members()) if (state === 'suspect') suspects.add(id)
    return suspects
  }

  /** Those that can be counted on to bring what they hold to others. */
  #healthy(): Set<PeerId> {
    const healthy = new Set<PeerId>()
    for (const { id, state } of this.#cluster.members())
      if (state === 'alive' || state === 'leaving' || state === 'parked') healthy.add(id)
    return healthy
  }

  #continue(): void {
    if (this.#scan === undefined) return
    const suspects = this.#suspects()
    const healthy = this.#healthy()
    for (let looked = 0; looked < scanLength; looked++) {
      const step = this.#scan.next()
      if (step.done === true) {
        this.#scan = undefined
        this.#settled()
        return
      }
      this.#look(step.value, suspects, healthy)
    }
    this.#cluster.runtime.timer(0, () => this.#continue())
  }

  /** One key after a change: who owns it now and lacks it, and is it for this peer to bring it? */
  #look(entry: Entry, suspects: ReadonlySet<PeerId>, healthy: ReadonlySet<PeerId>): void {
    if (!this.#replica.holds(entry)) return
    const before = entry.owners
    this.#replica.reown(entry)
    const { key, replicas } = entry
    const next = this.#placement.isMoving ? this.#placement.nextOwners(key, replicas) : entry.owners
    const ahead = suspects.size > 0 ? this.#placement.ownersWithout(key, replicas, suspects) : next
    if (before === entry.owners && next === before && ahead === before) return
    let rank = 0
    for (const owner of before) {
      if (owner === this.#cluster.self) break
      if (healthy.has(owner)) rank++
    }
    // Who was no owner before holds a foreign copy: that has its own way to the owners.
    if (rank >= sources || !before.includes(this.#cluster.self)) return
    // Each of the two sources brings one half of the keys first, so that they do not send them side by side.
    const isShared = rank !== entry.leaf % sources
    for (const owners of new Set([entry.owners, next, ahead]))
      for (const owner of owners) if (!before.includes(owner)) this.bring(owner, entry, isShared)
  }

  #serve(peer: PeerId): void {
    const due = this.#due.get(peer)
    if (due === undefined) return
    const isReachable = this.#isReachable(peer)
    while (isReachable && due.underWay < batchesUnderWay && !due.isEmpty) {
      const batch = due.take(4 * offerLength).filter((entry) => this.#replica.holds(entry))
      if (batch.length > 0) this.#send(peer, due, batch)
    }
    if (isReachable && (due.underWay > 0 || due.retry !== undefined)) return
    due.retry?.cancel()
    this.#due.delete(peer)
    this.#settled()
  }

  #send(peer: PeerId, due: Due, batch: readonly Entry[]): void {
    due.underWay++
    const marks = batch.map((entry) => entry.mark)
    this.#carrier.carry(peer, batch, (statuses) => {
      due.underWay--
      if (this.#due.get(peer) !== due) return
      const now = this.#cluster.runtime.now()
      for (const [index, entry] of batch.entries()) {
        const answer = statuses[index]
        if (answer === status.failed || answer === status.ahead || answer === status.full)
          due.refused.add(entry)
        else if (answer === status.pinned) due.pinned.set(entry, { mark: marks[index] as string, at: now })
      }
      if (due.refused.size > 0) this.#retryLater(peer, due)
      this.#serve(peer)
    })
  }

  /**
   * What a peer could not take is offered again; what else is due to it does not wait for that. Ever
   * later, as mostly another peer is bringing it just now.
   */
  #retryLater(peer: PeerId, due: Due): void {
    due.retry ??= this.#cluster.runtime.timer(due.patience, () => {
      due.retry = undefined
      due.patience = Math.min(2 * due.patience, longestBringRetry)
      for (const entry of due.refused) due.add(entry, false)
      due.refused.clear()
      this.#serve(peer)
    })
  }

  #isReachable(peer: PeerId): boolean {
    const state = this.#cluster.member(peer)?.state
    return state !== undefined && state !== 'dead' && state !== 'left'
  }
}

/** What is still to be brought to one peer. */
class Due {
  /** What this peer brings first, and what another does while this one makes sure of it. */
  readonly #own = new Set<Entry>()
  readonly #shared = new Set<Entry>()
  /** What could not be taken yet. */
  readonly refused = new Set<Entry>()
  /** What the peer has promised to keep, in which state and when: it need not be offered once more when the rings change again. */
  readonly pinned = new Map<Entry, { readonly mark: string; readonly at: number }>()
  underWay = 0
  retry: Timer | undefined
  /** Milliseconds before the next retry. */
  patience = bringRetry

  get size(): number {
    return this.#own.size + this.#shared.size + this.refused.size
  }

  /** Whether nothing can be brought at once. */
  get isEmpty(): boolean {
    return this.#own.size === 0 && this.#shared.size === 0
  }

  /** Whether the peer keeps exactly this for a good while. */
  hasPinned(entry: Entry, now: number): boolean {
    const pinned = this.pinned.get(entry)
    return pinned !== undefined && now - pinned.at < pinTime / 2 && pinned.mark === entry.mark
  }

  add(entry: Entry, isShared: boolean): void {
    if (isShared && !this.#own.has(entry)) this.#shared.add(entry)
    else if (!isShared) {
      this.#own.add(entry)
      this.#shared.delete(entry)
    }
  }

  /** The next entries, at most so many: what others bring too comes last. */
  take(most: number): Entry[] {
    const taken: Entry[] = []
    for (const entries of [this.#own, this.#shared]) {
      for (const entry of entries) {
        if (taken.length === most) return taken
        entries.delete(entry)
        taken.push(entry)
      }
    }
    return taken
  }
}
