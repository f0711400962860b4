import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Payload } from './payload.js'
import type { TaskPriority } from './priority-queue.js'
import { settings } from './settings.js'
import type { Thrown } from './thrown.js'

/** A task that failed on every attempt. */
export interface DeadLetter {
  readonly id: string
  readonly name: string
  readonly input: unknown
  /** What the last attempt threw. */
  readonly error: Thrown
  readonly attempts: number
  /** The peer of the last attempt. */
  readonly peer: PeerId | undefined
  /** When it was given up: milliseconds since 1970, by the clock of the peer that gave it up. */
  readonly at: number
  /** Whether it was enqueued, and so lives in the sharded state; or was run by this page, and is kept here. */
  readonly durable: boolean
}

export interface KeptLetter {
  readonly id: string
  readonly name: string
  readonly input: Payload
  readonly priority: TaskPriority
  readonly error: Thrown
  readonly attempts: number
  readonly peer: PeerId | undefined
}

/** A letter, and when it was given up. */
export type TakenLetter = KeptLetter & { readonly at: number }

/** The tasks of this page that failed for good: the last thousand, for a person or a program to look at. */
export class DeadLetters {
  readonly #runtime: Runtime
  readonly #letters = new Map<string, TakenLetter>()
  #bytes = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  add(letter: KeptLetter): void {
    this.#keep({ ...letter, at: this.#runtime.wallClock() })
  }

  /** Puts back what was taken, as nothing came of it. */
  restore(letter: TakenLetter): void {
    this.#keep(letter)
  }

  /** Oldest first. Inputs that were moved to a thread are gone and show as undefined. */
  list(): DeadLetter[] {
    return [...this.#letters.values()].map(({ id, name, input, error, attempts, peer, at }) => ({
      id,
      name,
      input: input.taken ? undefined : input.take().value,
      error,
      attempts,
      peer,
      at,
      durable: false,
    }))
  }

  take(id: string): TakenLetter | undefined {
    const letter = this.#letters.get(id)
    if (letter === undefined) return undefined
    this.#letters.delete(id)
    this.#bytes -= letter.input.size
    return letter
  }

  #keep(letter: TakenLetter): void {
    this.#letters.set(letter.id, letter)
    this.#bytes += letter.input.size
    for (const id of this.#letters.keys()) {
      if (this.#letters.size <= settings.deadLetters && this.#bytes <= settings.queueBytes) break
      this.take(id)
    }
  }
}
