import type { PeerId } from '../wire/index.js'
import { settings } from './settings.js'

/** What a peer says of one of its definitions. */
export interface Offer {
  readonly name: string
  readonly concurrency: number
  readonly credit: number
  readonly weight: number
}

/** A worker as one lane sees it. */
export class Slot {
  readonly peer: PeerId
  /** How many tasks of the lane the worker may have. */
  credit: number
  weight: number
  /** The numbers of the tasks that it has. */
  readonly tasks = new Set<number>()
  /** Until when the worker is left alone because it said that it is busy. */
  pausedUntil = Number.NEGATIVE_INFINITY
  /** Smoothed duration of a run there, in milliseconds; undefined before the first result. */
  took: number | undefined
  /** Milliseconds for a message there and back, as last known. */
  roundTrip: number = settings.unknownRoundTrip
  /** How many tasks were given to it. */
  assigned = 0

  constructor(peer: PeerId, offer: Offer) {
    this.peer = peer
    this.credit = offer.credit
    this.weight = offer.weight
  }

  /** Follows the duration as TCP follows its round trip (RFC 6298): an eighth of each new sample. */
  learn(took: number): void {
    this.took = this.took === undefined ? took : this.took + (took - this.took) / 8
  }

  /** How many it can run at once for this coordinator: what is granted above that may wait there. */
  get atOnce(): number {
    return Math.ceil(this.credit / settings.creditFactor)
  }

  /** Whether it can run one more at once. */
  get hasFreeSlot(): boolean {
    return this.tasks.size < this.atOnce
  }

  /**
   * Whether one more may wait there behind those that run. That hides the time that a result and
   * the next task are under way, so it is worth its place only where that time counts against a
   * run's; elsewhere the task does better to wait for whoever is free first, and never behind the
   * slowest peer.
   */
  mayPrefetch(): boolean {
    if (this.tasks.size >= this.credit) return false
    return this.took === undefined || this.roundTrip * settings.prefetchBelow >= this.took
  }
}
