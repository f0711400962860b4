import type { Runtime } from '../runtime/index.js'

/**
 * Milliseconds within which two messages make a conversation. One alone, as a probe of the membership, must not slow
 * bulk down: it would be through before that had any effect.
 */
const together = 50

/** Whether messages more urgent than bulk are coming often enough for bulk to make room for the next. */
export class Company {
  readonly #runtime: Runtime
  #last = Number.NEGATIVE_INFINITY
  #lastButOne = Number.NEGATIVE_INFINITY

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** One more urgent message is to be sent. */
  joined(): void {
    this.#lastButOne = this.#last
    this.#last = this.#runtime.now()
  }

  get isAbout(): boolean {
    return this.#runtime.now() - this.#lastButOne < together
  }
}
