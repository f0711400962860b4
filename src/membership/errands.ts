import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import { noNews } from './claim.js'
import { ERRANDS_LIMIT, NACK_ROUND_TRIPS, SECOND_TRY_AFTER } from './constants.js'
import type { Peer } from './peer.js'
import type { Prober } from './prober.js'

interface Errand {
  readonly asker: PeerId
  readonly sequence: number
  readonly target: Peer
  /** The sequence of our own ping to the target. */
  readonly ping: number
  readonly due: number
}

/**
 * Probes run for others: answered when the target answers, and with a nack when it does not in
 * time. Other frames of the target may have been on their way since before it fell silent.
 */
export class Errands {
  readonly #beliefs: Beliefs
  readonly #prober: Prober
  readonly #errands: Errand[] = []

  constructor(beliefs: Beliefs, prober: Prober) {
    this.#beliefs = beliefs
    this.#prober = prober
  }

  get isEmpty(): boolean {
    return this.#errands.length === 0
  }

  run(asker: PeerId, sequence: number, id: PeerId, now: number): void {
    const target = this.#beliefs.table.get(id)
    if (target === undefined || target === this.#beliefs.self || this.#errands.length >= ERRANDS_LIMIT) return
    const due = now + Math.max(SECOND_TRY_AFTER, this.#prober.slowest(target) * NACK_ROUND_TRIPS)
    this.#errands.push({ asker, sequence, target, ping: this.#prober.call(target), due })
  }

  /** `peer` acknowledged the ping `sequence`. */
  answered(peer: Peer, sequence: number): void {
    this.#settle((errand) => errand.target === peer && errand.ping === sequence, 'membership.ack')
  }

  expire(now: number): void {
    this.#settle((errand) => now >= errand.due, 'membership.nack')
  }

  forget(): void {
    this.#errands.length = 0
  }

  get due(): number {
    let due = Number.POSITIVE_INFINITY
    for (const errand of this.#errands) if (errand.due < due) due = errand.due
    return due
  }

  #settle(isSettled: (errand: Errand) => boolean, type: 'membership.ack' | 'membership.nack'): void {
    const errands = this.#errands
    for (let index = errands.length - 1; index >= 0; index--) {
      const errand = errands[index]
      if (errand === undefined || !isSettled(errand)) continue
      errands.splice(index, 1)
      const { asker, sequence } = errand
      this.#beliefs.send(
        asker,
        type === 'membership.ack' ? { type, sequence, news: noNews } : { type, sequence },
      )
    }
  }
}
