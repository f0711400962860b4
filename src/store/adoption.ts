import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Absences } from './absences.js'
import type { Carrier } from './carrier.js'
import { type HybridClock, timeOf } from './clock.js'
import { aheadLimit } from './constants.js'
import type { Coverage } from './coverage.js'
import type { Journal } from './journal.js'
import type { Placement } from './placement.js'
import type { StoreRecord } from './record.js'
import type { Replica } from './replica.js'
import { Returned } from './returned.js'

/** Milliseconds after which stamps from the future are looked at again, at most: the clock may be set meanwhile. */
const lookAgain = 60_000

/** What adopting needs of the rest of the state. */
export interface AdoptionParts {
  readonly cluster: Cluster
  readonly absences: Absences
  readonly clock: HybridClock
  readonly replica: Replica
  readonly placement: Placement
  readonly carrier: Carrier
  readonly coverage: Coverage
  readonly journal: Journal | undefined
  /** Milliseconds that a tombstone is kept at least. */
  readonly tombstoneTime: number
  /** A stamp is too far ahead to be believed: one of the clocks is, or was, wrong. */
  readonly doubted: () => void
}

/**
 * Takes over what this peer, or a page before it, left in storage. It is foreign data, as good as
 * what anybody else offers; but what was away for longer than a tombstone lives is validated by its
 * owners first, and what is stamped in the future waits until that has come.
 */
export class Adoption {
  readonly #parts: AdoptionParts
  #returned: Returned | undefined
  /** What cannot be believed yet. */
  #early: StoreRecord[] = []
  #later: Timer | undefined
  #isLoaded: boolean
  #isClosed = false
  #whenLoaded: (() => void)[] = []
  #born: number

  constructor(parts: AdoptionParts) {
    this.#parts = parts
    this.#born = parts.cluster.runtime.wallClock()
    this.#isLoaded = parts.journal === undefined
  }

  /** Reads storage; to be called once everything else stands. */
  start(): void {
    const records: StoreRecord[] = []
    this.#parts.journal?.load(
      (record) => records.push(record),
      (alive) => this.#loaded(records, alive),
    )
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** How many wait for storage to be read. */
  get waiting(): number {
    return this.#whenLoaded.length
  }

  /** Calls back when storage has been read. */
  whenLoaded(work: () => void): void {
    this.#whenLoaded.push(work)
  }

  /** Since when (wall clock) the state here has lived without a gap, as far as is known. */
  get born(): number {
    return this.#born
  }

  /** Another peer's state has lived for so long, and this one is part of the same. */
  learned(born: number): void {
    this.#born = Math.min(this.#born, born)
  }

  /**
   * Whether what was away since then (wall clock) and is unknown here has been deleted: the state here
   * has lived all the while, and the trace of a deletion may have been given up.
   */
  isGone(absent: number): boolean {
    return this.#born <= absent && this.#parts.absences.hasForgotten(absent)
  }

  /** Keys from storage that may have been deleted, or are stamped in the future, and wait. */
  get unjudged(): number {
    return (this.#returned?.waiting ?? 0) + this.#early.length
  }

  /** This clock was corrected: what was in its future may not be any more. */
  lookAgain(): void {
    const early = this.#early
    this.#early = []
    for (const record of early) this.#apply(record)
  }

  close(): void {
    this.#isClosed = true
    this.#later?.cancel()
  }

  #loaded(records: StoreRecord[], alive: number | undefined): void {
    if (this.#isClosed) return
    const { cluster, absences, coverage, tombstoneTime } = this.#parts
    this.#isLoaded = true
    const away = alive === undefined ? 0 : cluster.runtime.wallClock() - alive
    const isAlone = cluster.members().length === 1
    if (alive !== undefined && isAlone) absences.startedAlone(away)
    const isOutdated = alive !== undefined && away >= tombstoneTime
    if (isOutdated) this.#validate(records, alive)
    else for (const record of records) this.#apply(record)
    for (const loaded of this.#whenLoaded) loaded()
    this.#whenLoaded = []
    // Only a peer that has its share, and knows since when the mesh has lived, can judge what is gone.
    coverage.whenComplete(() => this.#returned?.start())
  }

  #validate(records: StoreRecord[], absent: number): void {
    const { cluster, placement, carrier, coverage, replica, journal } = this.#parts
    this.#returned = new Returned(cluster, placement, carrier, records, absent, {
      accepted: (record) => this.#apply(record),
      refused: ({ store, key }) => journal?.note(store, key),
      isGone: ({ store, key }) =>
        this.isGone(absent) && coverage.isComplete && replica.find(store, key) === undefined,
    })
  }

  /** Holds a record again. What nobody would believe stays in storage, and is looked at when its time has come. */
  #apply(record: StoreRecord): void {
    const { cluster, clock, replica, doubted } = this.#parts
    if (replica.apply(record) !== 'ahead') return
    this.#early.push(record)
    doubted()
    if (this.#later !== undefined) return
    const { runtime } = cluster
    const ahead = timeOf(record.version) - runtime.wallClock() - clock.offset - aheadLimit
    this.#later = runtime.timer(Math.min(lookAgain, Math.max(0, ahead) + 1), () => {
      this.#later = undefined
      this.lookAgain()
    })
  }
}
