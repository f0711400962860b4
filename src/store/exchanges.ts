import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { exchangeTimeout } from './constants.js'

interface Waiting {
  readonly to: PeerId
  readonly timer: Timer
  readonly settle: (statuses: Uint8Array | undefined) => void
}

/**
 * Bulk messages that are answered: requests of the mesh travel as calls, and transfers must wait
 * behind those, so they are matched with their answers here.
 */
export class Exchanges {
  readonly #cluster: Cluster
  readonly #waiting = new Map<number, Waiting>()
  #last = 0
  #isClosed = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.on('down', ({ id }) => this.#fail(id))
  }

  /** Sends what `message` makes of a fresh number; `settle` gets the answer, or undefined when none comes. */
  ask(
    to: PeerId,
    message: (exchange: number) => Message,
    settle: (statuses: Uint8Array | undefined) => void,
  ): void {
    if (this.#isClosed) return
    const exchange = ++this.#last
    const timer = this.#cluster.runtime.timer(exchangeTimeout, () => this.#settle(exchange, undefined))
    this.#waiting.set(exchange, { to, timer, settle })
    if (this.#cluster.send(to, message(exchange))) return
    timer.cancel()
    // Never from inside the call.
    const retry = this.#cluster.runtime.timer(0, () => this.#settle(exchange, undefined))
    this.#waiting.set(exchange, { to, timer: retry, settle })
  }

  answered(from: PeerId, exchange: number, statuses: Uint8Array): void {
    if (this.#waiting.get(exchange)?.to === from) this.#settle(exchange, statuses)
  }

  /** Nothing is sent any more, and what waits gets no answer: nobody is left who would do something with it. */
  close(): void {
    this.#isClosed = true
    for (const { timer } of this.#waiting.values()) timer.cancel()
    this.#waiting.clear()
  }

  #settle(exchange: number, statuses: Uint8Array | undefined): void {
    const waiting = this.#waiting.get(exchange)
    if (waiting === undefined) return
    this.#waiting.delete(exchange)
    waiting.timer.cancel()
    waiting.settle(statuses)
  }

  #fail(peer: PeerId): void {
    for (const [exchange, { to }] of [...this.#waiting]) if (to === peer) this.#settle(exchange, undefined)
  }
}
