import type { Runtime } from '../../runtime/index.js'

/** Waits before the next attempt, in milliseconds: full jitter over a range that doubles. */
const backoff = { first: 500, longest: 30_000 }
/**
 * The peers of a server that is about to stop move within this time, each at a random moment of it, in milliseconds: not all
 * at once, and well before the 5 s are over for which a server waits for them.
 */
const moveSpread = 500
/** A place that was held for so long, in milliseconds, was no sign of trouble: twice as long as a server that stops waits. */
const steadyAfter = 10_000

/**
 * How long to wait before the next connection to a server. A server may welcome a peer and be gone at once, again and
 * again: what such a one is owed grows like the wait for one that does not answer, from the second time on.
 */
export class Reconnection {
  readonly #runtime: Runtime
  #welcomedAt = Number.NEGATIVE_INFINITY
  /** Places in a row that were not held for long. */
  #brief = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** A server has taken this peer in. */
  welcomed(): void {
    this.#welcomedAt = this.#runtime.now()
  }

  /** The place at that server is lost, or will be soon. */
  ended(): void {
    this.#brief = this.#runtime.now() - this.#welcomedAt < steadyAfter ? this.#brief + 1 : 0
  }

  /** The wait after so many attempts that came to nothing. */
  wait(attempts: number): number {
    return this.#jitter(backoff.first, attempts + Math.max(0, this.#brief - 1))
  }

  /** The wait until another server is joined, while the one that is about to stop still serves. */
  moveWait(): number {
    return this.#jitter(moveSpread, Math.max(0, this.#brief - 1))
  }

  #jitter(first: number, doublings: number): number {
    return this.#runtime.random() * Math.min(backoff.longest, first * 2 ** Math.min(doublings, 10))
  }
}
