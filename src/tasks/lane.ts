import { RoundRobin } from '../ring/index.js'
import type { Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { PriorityQueue } from './priority-queue.js'
import { settings } from './settings.js'
import type { Submission } from './submission.js'

/** What a peer says of one of its definitions. */
export interface Offer {
  readonly name: string
  readonly concurrency: number
  readonly credit: number
  readonly weight: number
}

/** One assignment that a worker has not given an answer to. */
export interface Placement {
  readonly submission: Submission
  readonly slot: Slot
  readonly attempt: number
  /** When the task is taken back, unless renewed; on the runtime's clock. */
  expires: number
  /** Nobody wants the result; the worker's answer is awaited for its credit alone. */
  abandoned: boolean
}

/** A worker as one lane sees it. */
export class Slot {
  readonly peer: PeerId
  /** How many tasks of the lane the worker may have. */
  credit: number
  weight: number
  /** By the task's number. */
  readonly placements = new Map<number, Placement>()
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
    return this.placements.size < this.atOnce
  }

  /**
   * Whether one more may wait there behind those that run. That hides the time that a result and
   * the next task are under way, so it is worth its place only where that time counts against a
   * run's; elsewhere the task does better to wait for whoever is free first, and never behind the
   * slowest peer.
   */
  mayPrefetch(): boolean {
    if (this.placements.size >= this.credit) return false
    return this.took === undefined || this.roundTrip * settings.prefetchBelow >= this.took
  }
}

/** All submitted tasks of one name, and the workers that can run them, taken in turn. */
export class Lane {
  readonly name: string
  readonly queue = new PriorityQueue<Submission>()
  readonly slots = new Map<PeerId, Slot>()
  /** Since when there has been work and no worker; undefined while there is either none or both. */
  starvedSince: number | undefined
  /** Looks again at work that could not be handed out. */
  wake: Timer | undefined
  readonly #random: () => number
  #begun = false
  readonly #turn = new RoundRobin([], { order: 'hash' })

  /** @param random - where in the circle to begin, so that not every coordinator begins with the same worker */
  constructor(name: string, random: () => number) {
    this.name = name
    this.#random = random
  }

  /** Adds a worker, or takes over what it says anew. */
  offered(peer: PeerId, offer: Offer): void {
    const slot = this.slots.get(peer)
    if (slot === undefined) {
      this.slots.set(peer, new Slot(peer, offer))
      this.#turn.add(peer, { weight: offer.weight })
      return
    }
    slot.credit = offer.credit
    if (slot.weight !== offer.weight) {
      slot.weight = offer.weight
      this.#turn.setWeight(peer, offer.weight)
    }
  }

  /** Takes a worker out; what it still has stays in the slot that is returned. */
  removed(peer: PeerId): Slot | undefined {
    const slot = this.slots.get(peer)
    if (slot === undefined) return undefined
    this.slots.delete(peer)
    this.#turn.remove(peer)
    return slot
  }

  /** The next worker in turn of those that `can` take one. */
  next(can: (slot: Slot) => boolean): Slot | undefined {
    if (!this.#begun) {
      this.#begun = true
      for (let turn = Math.floor(this.#random() * this.#turn.size); turn > 0; turn--) this.#turn.next()
    }
    const peer = this.#turn.next({
      skip: (id) => {
        const slot = this.slots.get(id)
        return slot === undefined || !can(slot)
      },
    })
    return peer === undefined ? undefined : this.slots.get(peer)
  }

  /** How many tasks may be with workers at once. */
  get credit(): number {
    let credit = 0
    for (const slot of this.slots.values()) credit += slot.credit
    return credit
  }
}
