import { RoundRobin } from '../ring/index.js'
import type { Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { PriorityQueue } from './priority-queue.js'
import { type Offer, Slot } from './slot.js'
import type { Submission } from './submission.js'

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
