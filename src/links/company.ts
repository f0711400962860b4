import type { Runtime } from '../runtime/index.js'

/**
 * Milliseconds within which two messages make a conversation. One alone, as a probe of the membership, must not slow
 * bulk down: it would be through before that had any effect.
 */
const together = 50
/**
 * Milliseconds for which the next is then expected: longer than the longest pause in a conversation, as
 * bulk would otherwise fill the way just before each message of one that comes every 40 ms.
 */
const expectedFor = 2 * together

/** Whether messages more urgent than bulk are coming often enough for bulk to make room for the next. */
export class Company {
  readonly #runtime: Runtime
  #last = Number.NEGATIVE_INFINITY
  #isConversation = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** One more urgent message is to be sent. */
  joined(): void {
    const now = this.#runtime.now()
    this.#isConversation = now - this.#last < together
    this.#last = now
  }

  get isAbout(): boolean {
    return this.#isConversation && this.#runtime.now() - this.#last < expectedFor
  }
}
