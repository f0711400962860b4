import { alonePatience, type Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Carrier } from './carrier.js'
import { roundLength, roundLimit, roundRetry } from './constants.js'
import type { Entry } from './entry.js'
import type { Placement } from './placement.js'
import type { Replica } from './replica.js'
import { type Status, status } from './status.js'

/**
 * Hands keys that this peer holds and does not own to their owners, round by round, and drops a
 * copy only when in one round, at most 4 s old under unchanged rings, every owner acknowledged
 * exactly this state, said that it owns the key in its own view, and promised to keep it for 20 s.
 *
 * Why each condition: an owner that acknowledged under another view may be about to drop the key
 * itself; acknowledgements gathered over a longer time may be of owners that have dropped it
 * since, and the promise is five times as long as a round.
 */
export class Handoff {
  readonly #cluster: Cluster
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #carrier: Carrier
  /** Where the last round ended, so that keys that cannot be handed over do not block the others. */
  #queue: Entry[] = []
  #timer: Timer | undefined
  #isRunning = false
  #failures = 0
  #leaving: (() => void) | undefined
  #hasLeft = false
  #isClosed = false
  /** Keys whose owners have all acknowledged this mark under these rings, and that cannot be dropped yet, or are not to be. */
  readonly #handed = new Map<Entry, string>()
  #handedUnder = ''
  dropped = 0

  constructor(cluster: Cluster, replica: Replica, placement: Placement, carrier: Carrier) {
    this.#cluster = cluster
    this.#replica = replica
    this.#placement = placement
    this.#carrier = carrier
  }

  /**
   * Everything was handed over, as this peer leaves: what it took from now on would go with it, while
   * other rooms are still at handing over theirs. Where nobody stays it goes on taking what these
   * write down: nobody else could, and it is in storage here when it comes back.
   */
  get hasLeft(): boolean {
    return this.#hasLeft && this.#cluster.nextRing.size > 0
  }

  /** There is something foreign, or the rings changed: start a round soon. */
  nudge(): void {
    this.#failures = 0
    if (this.#handedUnder !== this.#situation()) {
      this.#handedUnder = this.#situation()
      this.#handed.clear()
    }
    if (!this.#isRunning && this.#hasWork()) this.#start(0)
  }

  /** Hands over everything, as this peer leaves, and calls `done` when it all has arrived. */
  handAll(done: () => void): void {
    this.#leaving = done
    this.#queue = []
    this.#handed.clear()
    this.nudge()
    if (!this.#hasWork()) this.#finishLeaving()
  }

  /** Nothing is handed over any more. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #hasWork(): boolean {
    if (this.#leaving === undefined) return this.#replica.foreign.size > 0
    // Nobody is left to hand anything to.
    if (this.#cluster.nextRing.size === 0 && !this.#mayBeTakenBack) return false
    for (const entry of this.#replica.entries()) if (this.#handed.get(entry) !== entry.mark) return true
    return false
  }

  #start(delay: number): void {
    if (this.#isClosed) return
    this.#timer?.cancel()
    this.#timer = this.#cluster.runtime.timer(delay, () => {
      this.#timer = undefined
      this.#round()
    })
  }

  #nextBatch(): Entry[] {
    if (this.#queue.length === 0) {
      this.#queue = this.#leaving === undefined ? [...this.#replica.foreign] : [...this.#replica.entries()]
      this.#queue.reverse()
    }
    const batch: Entry[] = []
    while (batch.length < roundLength) {
      const entry = this.#queue.pop()
      if (entry === undefined) break
      if (!this.#replica.holds(entry)) continue
      if (this.#isDue(entry)) batch.push(entry)
    }
    return batch
  }

  /** Whether a round would bring a key on: it does not once all owners have it and only a promise of this peer's keeps it here. */
  #isDue(entry: Entry): boolean {
    if (this.#leaving === undefined) {
      if (!this.#replica.foreign.has(entry)) return false
      if (entry.pinnedUntil <= this.#cluster.runtime.now() && !this.#isParked()) return true
    }
    return this.#handed.get(entry) !== entry.mark
  }

  /** A hidden tab keeps its copies: it may be seen again soon, and holds them for nothing meanwhile. */
  #isParked(): boolean {
    return this.#cluster.member(this.#cluster.self)?.state === 'parked'
  }

  #round(): void {
    if (this.#isRunning) return
    const batch = this.#nextBatch()
    if (batch.length === 0) {
      if (!this.#hasWork()) this.#finishLeaving()
      else this.#start(roundRetry)
      return
    }
    this.#isRunning = true
    const startedAt = this.#cluster.runtime.now()
    const situation = this.#situation()
    const byOwner = new Map<PeerId, Entry[]>()
    const owners = new Map<Entry, readonly PeerId[]>()
    const marks = batch.map((entry) => entry.mark)
    for (const entry of batch) {
      const targets = this.#targets(entry)
      owners.set(entry, targets)
      for (const owner of targets) {
        const list = byOwner.get(owner)
        if (list === undefined) byOwner.set(owner, [entry])
        else list.push(entry)
      }
    }
    const acknowledged = new Map<Entry, number>()
    let open = 1
    const finish = () => {
      if (--open > 0) return
      this.#isRunning = false
      const inTime = this.#cluster.runtime.now() - startedAt <= roundLimit && situation === this.#situation()
      let missing = 0
      for (const [index, entry] of batch.entries()) {
        const wanted = owners.get(entry)?.length ?? 0
        // One owner that this peer sees is no reason to drop: it may be cut off with it alone.
        const isAlone = this.#leaving !== undefined && !this.#mayBeTakenBack
        const isComplete =
          wanted >= (isAlone ? 1 : Math.min(2, entry.replicas)) && (acknowledged.get(entry) ?? 0) >= wanted
        if (!isComplete || entry.mark !== marks[index] || !(inTime || isPlanted('drop-unpinned'))) {
          missing++
          continue
        }
        if (situation === this.#handedUnder) this.#handed.set(entry, entry.mark)
        if (this.#leaving === undefined && !this.#dropped(entry)) missing++
      }
      this.#proceed(missing)
    }
    for (const [owner, entries] of byOwner) {
      open++
      this.#carrier.carry(owner, entries, (statuses) => {
        for (const [index, entry] of entries.entries()) {
          if (!this.#counts(statuses[index])) continue
          acknowledged.set(entry, (acknowledged.get(entry) ?? 0) + 1)
          if (isPlanted('drop-after-one-ack') && this.#leaving === undefined) this.#dropped(entry)
        }
        finish()
      })
    }
    if (isPlanted('push-once') && this.#leaving === undefined) for (const entry of batch) this.#dropped(entry)
    finish()
  }

  #counts(answer: Status | undefined): boolean {
    return answer === status.pinned || (answer === status.held && isPlanted('drop-unpinned'))
  }

  #dropped(entry: Entry): boolean {
    if (!this.#replica.foreign.has(entry)) return true
    if (this.#isParked()) return false
    if (entry.pinnedUntil > this.#cluster.runtime.now() && !isPlanted('drop-unpinned')) return false
    this.#handed.delete(entry)
    this.#replica.drop(entry)
    this.#cluster.runtime.trace('store.drop', entry.store, entry.key, entry.version)
    this.dropped++
    return true
  }

  #proceed(missing: number): void {
    if (!this.#hasWork()) {
      this.#finishLeaving()
      return
    }
    if (missing === 0 || this.#queue.length > 0) {
      this.#start(0)
      return
    }
    this.#failures = Math.min(this.#failures + 1, 5)
    this.#start(this.#leaving === undefined ? roundRetry * 2 ** (this.#failures - 1) : roundRetry)
  }

  #finishLeaving(): void {
    const done = this.#leaving
    this.#leaving = undefined
    if (done === undefined) return
    this.#hasLeft = true
    this.#cluster.runtime.timer(0, done)
  }

  /** Who must acknowledge: all that own the key, now and next; for a peer that leaves, those after it. */
  #targets(entry: Entry): readonly PeerId[] {
    const { key, replicas } = entry
    const { self } = this.#cluster
    if (this.#leaving !== undefined)
      return this.#placement.nextOwners(key, replicas).filter((id) => id !== self)
    const now = this.#placement.owners(key, replicas)
    if (!this.#placement.isMoving) return now
    return [...new Set([...now, ...this.#placement.nextOwners(key, replicas)])]
  }

  /**
   * Whether somebody was called dead a moment ago. When a cut heals, the verdicts of the other side
   * arrive before their refutations, and the puts that waited at the cut before either: a peer that
   * left at once would take with it what it has just acknowledged.
   */
  get #mayBeTakenBack(): boolean {
    return this.#cluster.runtime.now() - this.#cluster.lastDeath < alonePatience
  }

  #situation(): string {
    return `${this.#cluster.ring.digest} ${this.#cluster.nextRing.digest}`
  }
}
