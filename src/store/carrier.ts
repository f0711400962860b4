import type { Cluster } from '../mesh/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { frameBytes, framesInFlight, offerLength, queueHigh, queueRetry } from './constants.js'
import type { Exchanges } from './exchanges.js'
import { markOf, type Position, type StoreRecord, sizeOf, toWire, type WireRecord } from './record.js'
import { type Status, status } from './status.js'

interface Job {
  readonly records: readonly StoreRecord[]
  readonly absent: number | null
  readonly done: (statuses: readonly Status[]) => void
  readonly statuses: Status[]
  /** The first record that was not offered yet. */
  next: number
  /** Records without a final status. */
  open: number
}

interface Parcel {
  readonly job: Job
  readonly index: number
}

/** What the carrier has moved since the start. */
export interface CarrierStats {
  offered: number
  sent: number
  bytesSent: number
  waiting: number
}

/**
 * Brings records to other peers: offers versions first, then sends the content of those that are
 * needed, in frames of 16 KiB, a few under way at a time, and none while the link is busy.
 *
 * ```
 * here                          there
 *  │── offer: 256 positions ────▶│
 *  │◀── offered: a status each ──│
 *  │── transfer: 16 KiB ────────▶│  up to 8 under way
 *  │◀── transferred ─────────────│
 * ```
 */
export class Carrier {
  readonly #cluster: Cluster
  readonly #exchanges: Exchanges
  readonly #lanes = new Map<PeerId, Lane>()
  readonly stats: CarrierStats = { offered: 0, sent: 0, bytesSent: 0, waiting: 0 }

  constructor(cluster: Cluster, exchanges: Exchanges) {
    this.#cluster = cluster
    this.#exchanges = exchanges
  }

  /**
   * Offers records to a peer and sends those it needs. `done` gets a status for each, in their
   * order, `failed` where no answer came.
   * @param absent - since when (wall clock) the copies were out of the mesh; null when never
   */
  carry(
    to: PeerId,
    records: readonly StoreRecord[],
    done: (statuses: readonly Status[]) => void,
    absent: number | null = null,
  ): void {
    let lane = this.#lanes.get(to)
    if (lane === undefined) {
      lane = new Lane(this.#cluster, this.#exchanges, to, this.stats, () => this.#lanes.delete(to))
      this.#lanes.set(to, lane)
    }
    lane.add({
      records,
      absent,
      done,
      statuses: records.map(() => status.failed),
      next: 0,
      open: records.length,
    })
  }

  /** Whether nothing is under way or waiting for a peer. */
  isIdle(to: PeerId): boolean {
    return !this.#lanes.has(to)
  }
}

/** The traffic to one peer. */
class Lane {
  readonly #cluster: Cluster
  readonly #exchanges: Exchanges
  readonly #to: PeerId
  readonly #stats: CarrierStats
  readonly #idle: () => void
  readonly #jobs: Job[] = []
  #parcels: Parcel[] = []
  #offers = 0
  #frames = 0
  #isWaiting = false

  constructor(cluster: Cluster, exchanges: Exchanges, to: PeerId, stats: CarrierStats, idle: () => void) {
    this.#cluster = cluster
    this.#exchanges = exchanges
    this.#to = to
    this.#stats = stats
    this.#idle = idle
  }

  add(job: Job): void {
    this.#jobs.push(job)
    this.#stats.waiting += job.records.length
    this.#later(0)
  }

  #later(delay: number): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#cluster.runtime.timer(delay, () => {
      this.#isWaiting = false
      this.#pump()
    })
  }

  #pump(): void {
    for (;;) {
      if (this.#cluster.queued(this.#to) > queueHigh) {
        this.#later(queueRetry)
        return
      }
      if (this.#parcels.length > 0 && this.#frames < framesInFlight) this.#sendFrame()
      else if (this.#parcels.length < offerLength && this.#offers < 2 && this.#sendOffer()) continue
      else break
    }
    if (this.#jobs.length === 0 && this.#offers === 0 && this.#frames === 0 && !this.#isWaiting) this.#idle()
  }

  /** Offers the next records of the first job that has some. */
  #sendOffer(): boolean {
    const job = this.#jobs.find(({ next, records }) => next < records.length)
    if (job === undefined) {
      for (const empty of this.#jobs.filter(({ records }) => records.length === 0)) this.#finish(empty)
      return false
    }
    const start = job.next
    const positions: Position[] = []
    for (const record of job.records.slice(start, start + offerLength))
      positions.push([record.store, record.replicas, record.key, markOf(record)])
    job.next += positions.length
    this.#offers++
    this.#stats.offered += positions.length
    this.#exchanges.ask(
      this.#to,
      (exchange): Message => ({ type: 'store.offer', exchange, absent: job.absent, positions }),
      (statuses) => {
        this.#offers--
        for (let offset = 0; offset < positions.length; offset++) {
          const answer = statuses?.[offset] ?? status.failed
          if (answer === status.need) this.#parcels.push({ job, index: start + offset })
          else this.#settle(job, start + offset, answer)
        }
        this.#pump()
      },
    )
    return true
  }

  #sendFrame(): void {
    const parcels: Parcel[] = []
    const records: WireRecord[] = []
    let size = 0
    while (this.#parcels[parcels.length] !== undefined && parcels.length < offerLength) {
      const parcel = this.#parcels[parcels.length] as Parcel
      const record = parcel.job.records[parcel.index] as StoreRecord
      if (parcels.length > 0 && size + sizeOf(record) > frameBytes) break
      size += sizeOf(record)
      parcels.push(parcel)
      // The state as it is now, which may be newer than what was offered.
      records.push(toWire(record))
    }
    this.#parcels = this.#parcels.slice(parcels.length)
    const marks = records.map(([, , , kind, version, content]) => markOf({ kind, version, content }))
    this.#frames++
    this.#stats.sent += records.length
    this.#stats.bytesSent += size
    this.#exchanges.ask(
      this.#to,
      (exchange): Message => ({ type: 'store.transfer', exchange, records }),
      (statuses) => {
        this.#frames--
        for (const [offset, { job, index }] of parcels.entries()) {
          const answer = statuses?.[offset] ?? status.failed
          const record = job.records[index] as StoreRecord
          // An acknowledgement counts for the state that was sent, not for one that came since.
          const isCurrent = markOf(record) === marks[offset]
          this.#settle(job, index, isCurrent || answer === status.failed ? answer : status.newer)
        }
        this.#pump()
      },
    )
  }

  #settle(job: Job, index: number, answer: Status): void {
    job.statuses[index] = answer
    this.#stats.waiting--
    if (--job.open === 0) this.#finish(job)
  }

  #finish(job: Job): void {
    this.#jobs.splice(this.#jobs.indexOf(job), 1)
    job.done(job.statuses)
  }
}
