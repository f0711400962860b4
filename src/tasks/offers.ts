import { type Cluster, isGone } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { Coordinator } from './coordinator.js'
import type { Executor } from './executor.js'
import { settings } from './settings.js'
import type { Offer } from './slot.js'

/**
 * Tells the others what is defined here, and takes in what they tell: the whole list each time, to
 * each peer when it comes up, to all when it changes, and to whoever asks.
 */
export class Offers {
  readonly #cluster: Cluster
  readonly #executor: Executor
  readonly #coordinator: Coordinator
  /** The last revision heard from each peer. */
  readonly #heard = new Map<PeerId, number>()
  readonly #owed = new Set<PeerId>()
  #revision = 0
  #timer: Timer | undefined
  #closed = false

  constructor(cluster: Cluster, executor: Executor, coordinator: Coordinator) {
    this.#cluster = cluster
    this.#executor = executor
    this.#coordinator = coordinator
  }

  /** Something was defined or taken back here. Several changes in one turn are told once. */
  changed(): void {
    this.#revision++
    this.#coordinator.offered(this.#cluster.self, this.#list(this.#cluster.self))
    for (const { id } of this.#cluster.members()) this.owe(id)
  }

  /** `peer` should hear what is defined here. */
  owe(peer: PeerId): void {
    if (peer === this.#cluster.self || this.#closed) return
    this.#owed.add(peer)
    this.#timer ??= this.#cluster.runtime.timer(0, () => this.#tell())
  }

  /** A peer came up: it hears what is defined here, and is asked if it says nothing of its own accord. */
  met(peer: PeerId): void {
    if (peer === this.#cluster.self) return
    this.owe(peer)
    this.#cluster.runtime.timer(settings.askEvery, () => {
      if (!this.#closed && !this.#heard.has(peer)) this.#cluster.send(peer, { type: 'tasks.ask' })
    })
  }

  heard(peer: PeerId, message: Extract<Message, { type: 'tasks.offer' }>): void {
    // What was under way from a peer that has dropped would stand for a worker that never comes.
    const state = this.#cluster.member(peer)?.state
    if (state !== undefined && isGone(state)) return
    if ((this.#heard.get(peer) ?? -1) > message.revision) return
    this.#heard.set(peer, message.revision)
    this.#coordinator.offered(peer, message.tasks)
  }

  forget(peer: PeerId): void {
    this.#heard.delete(peer)
    this.#owed.delete(peer)
  }

  /** Asks everybody, as an offer may have been lost with a link. */
  ask(): void {
    for (const { id } of this.#cluster.members()) {
      if (id !== this.#cluster.self) this.#cluster.send(id, { type: 'tasks.ask' })
    }
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #tell(): void {
    this.#timer = undefined
    for (const peer of [...this.#owed]) {
      const sent = this.#cluster.send(peer, {
        type: 'tasks.offer',
        revision: this.#revision,
        tasks: this.#list(peer),
      })
      const state = this.#cluster.member(peer)?.state
      if (sent || state === undefined || isGone(state)) this.#owed.delete(peer)
    }
    if (this.#owed.size > 0) this.#timer = this.#cluster.runtime.timer(settings.askEvery, () => this.#tell())
  }

  #list(peer: PeerId): Offer[] {
    return this.#executor.definitions().map(({ name, concurrency, weight }) => ({
      name,
      concurrency,
      credit: this.#executor.creditFor(name, peer),
      // A peer that holds no state has the weight 0 on the ring and works like any other.
      weight: weight ?? Math.max(settings.leastWeight, this.#cluster.info.weight || 1),
    }))
  }
}
