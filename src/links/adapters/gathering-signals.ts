import type { ConnectionDescription } from './connection-description.js'

/** Milliseconds that a description waits for its first candidate: a host finds its own within a few, or some hundred when it is busy. */
const longestWait = 500
/** Milliseconds from one candidate to the next; one that comes later is from a server, a round trip away. */
const quietAfter = 10

/**
 * Lets the candidates that are found at once ride in the offer or answer, and only the late ones
 * follow by themselves (RFC 8838): of the messages of a dial a third is left, and the other end
 * sets one description instead of adding each candidate.
 */
export class GatheringSignals {
  readonly #send: (description: ConnectionDescription) => void
  readonly #current: () => ConnectionDescription | undefined
  /** Runs while a description waits. */
  #wait: ReturnType<typeof setTimeout> | undefined

  /** @param current - the local description with the candidates found until now */
  constructor(
    send: (description: ConnectionDescription) => void,
    current: () => ConnectionDescription | undefined,
  ) {
    this.#send = send
    this.#current = current
  }

  /** This end has a description, or has found a candidate. */
  add(description: ConnectionDescription): void {
    if (description.type !== 'candidate') this.#waitFor(longestWait)
    else if (this.#wait === undefined) this.#send(description)
    else this.#waitFor(quietAfter)
  }

  /** What waits leaves: no further candidate will come, or none soon. */
  complete(): void {
    if (this.#wait === undefined) return
    this.close()
    const description = this.#current()
    if (description !== undefined) this.#send(description)
  }

  /** What waits is dropped. */
  close(): void {
    clearTimeout(this.#wait)
    this.#wait = undefined
  }

  #waitFor(milliseconds: number): void {
    clearTimeout(this.#wait)
    this.#wait = setTimeout(() => this.complete(), milliseconds)
  }
}
