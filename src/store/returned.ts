import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import type { Carrier } from './carrier.js'
import { coverRetry, offerLength } from './constants.js'
import type { Placement } from './placement.js'
import type { StoreRecord } from './record.js'
import { status } from './status.js'

export interface ReturnedEvents {
  /** The mesh has not deleted this key: it is held again. */
  accepted(record: StoreRecord): void
  /** It was deleted while it was away, and the tombstone is gone too. */
  refused(record: StoreRecord): void
  /** What this peer itself, if it owns the key, makes of it: `gone` where it knows that the mesh lived on without it. */
  isGone(record: StoreRecord, absent: number): boolean
}

/**
 * What comes back from storage after longer than a tombstone lives. Such a key may have been
 * deleted meanwhile with no trace left, so its owners are asked first: if none has it, and the
 * state of the mesh has lived since before this copy left, it is gone; otherwise it is welcome, as
 * where all tabs had been closed and this is the first to come back.
 */
export class Returned {
  readonly #cluster: Cluster
  readonly #placement: Placement
  readonly #carrier: Carrier
  readonly #absent: number
  readonly #events: ReturnedEvents
  #records: StoreRecord[]

  /** @param absent - wall clock of the last sign of life of the peer that left this */
  constructor(
    cluster: Cluster,
    placement: Placement,
    carrier: Carrier,
    records: StoreRecord[],
    absent: number,
    events: ReturnedEvents,
  ) {
    this.#cluster = cluster
    this.#placement = placement
    this.#carrier = carrier
    this.#records = records
    this.#absent = absent
    this.#events = events
  }

  /** Records that nobody has judged yet. */
  get waiting(): number {
    return this.#records.length
  }

  /** Judges all, a batch at a time. */
  start(): void {
    const batch = this.#records.slice(0, offerLength)
    if (batch.length === 0) return
    const byOwner = new Map<PeerId, StoreRecord[]>()
    const verdicts = new Map<StoreRecord, { isWelcome: boolean; isUnsure: boolean }>()
    for (const record of batch) {
      const owners = this.#placement.owners(record.key, record.replicas)
      const isOwn = owners.includes(this.#cluster.self)
      const isWelcome = isOwn && !this.#events.isGone(record, this.#absent)
      verdicts.set(record, { isWelcome, isUnsure: owners.length === 0 })
      for (const owner of owners) {
        if (owner === this.#cluster.self) continue
        const list = byOwner.get(owner)
        if (list === undefined) byOwner.set(owner, [record])
        else list.push(record)
      }
    }
    let open = 1
    const finish = () => {
      if (--open > 0) return
      const unsure: StoreRecord[] = []
      for (const [record, { isWelcome, isUnsure }] of verdicts) {
        if (isWelcome) this.#events.accepted(record)
        else if (isUnsure) unsure.push(record)
        else this.#events.refused(record)
      }
      this.#records = [...this.#records.slice(batch.length), ...unsure]
      const delay = unsure.length > 0 ? coverRetry : 0
      if (this.#records.length > 0) this.#cluster.runtime.timer(delay, () => this.start())
    }
    for (const [owner, records] of byOwner) {
      open++
      const done = (statuses: readonly number[]) => {
        for (const [index, record] of records.entries()) {
          const verdict = verdicts.get(record)
          if (verdict === undefined) continue
          const answer = statuses[index]
          if (answer === status.failed || answer === status.ahead || answer === status.full)
            verdict.isUnsure = true
          else if (answer !== status.gone) verdict.isWelcome = true
        }
        finish()
      }
      this.#carrier.carry(owner, records, done, this.#absent)
    }
    finish()
  }
}
