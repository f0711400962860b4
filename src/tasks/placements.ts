import type { Runtime, Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { settings } from './settings.js'
import type { Placement } from './submission.js'

/** Which worker has which task, and for how long it may without a word. */
export class Placements {
  readonly #runtime: Runtime
  readonly #self: PeerId
  readonly #expired: (placements: readonly Placement[]) => void
  /** By worker, then by task number. */
  readonly #byPeer = new Map<PeerId, Map<number, Placement>>()
  #sweep: Timer | undefined
  #closed = false

  /** @param expired - takes those whose lease ran out, once a second at most; they are still in the table */
  constructor(runtime: Runtime, self: PeerId, expired: (placements: readonly Placement[]) => void) {
    this.#runtime = runtime
    this.#self = self
    this.#expired = expired
  }

  get size(): number {
    let size = 0
    for (const placements of this.#byPeer.values()) size += placements.size
    return size
  }

  get(worker: PeerId, task: number): Placement | undefined {
    return this.#byPeer.get(worker)?.get(task)
  }

  /** All that a worker has. */
  of(worker: PeerId): Placement[] {
    return [...(this.#byPeer.get(worker)?.values() ?? [])]
  }

  add(placement: Placement): void {
    const { slot, submission } = placement
    let placements = this.#byPeer.get(slot.peer)
    if (placements === undefined) {
      placements = new Map()
      this.#byPeer.set(slot.peer, placements)
    }
    placements.set(submission.number, placement)
    slot.tasks.add(submission.number)
    submission.placement = placement
    if (slot.peer !== this.#self) this.#keepSweeping()
  }

  remove(placement: Placement): void {
    const { slot, submission } = placement
    slot.tasks.delete(submission.number)
    const placements = this.#byPeer.get(slot.peer)
    placements?.delete(submission.number)
    if (placements?.size === 0) this.#byPeer.delete(slot.peer)
    if (submission.placement === placement) submission.placement = undefined
  }

  /** When a lease that begins now ends. What runs in this very process needs none. */
  lease(worker: PeerId): number {
    return worker === this.#self ? Number.POSITIVE_INFINITY : this.#runtime.now() + settings.lease
  }

  close(): void {
    this.#closed = true
    this.#sweep?.cancel()
  }

  #keepSweeping(): void {
    if (this.#sweep !== undefined || this.#closed) return
    const armedAt = this.#runtime.now()
    this.#sweep = this.#runtime.timer(settings.sweepEvery, () => {
      this.#sweep = undefined
      const now = this.#runtime.now()
      const slept = now - armedAt > settings.slept
      const expired: Placement[] = []
      for (const placements of this.#byPeer.values()) {
        for (const placement of placements.values()) {
          // We were the ones not listening: the renewals are in our own inbox.
          if (slept) placement.expires = Math.max(placement.expires, now + settings.renewEvery)
          if (placement.expires <= now) expired.push(placement)
        }
      }
      this.#expired(expired)
      for (const worker of this.#byPeer.keys()) if (worker !== this.#self) this.#keepSweeping()
    })
  }
}
