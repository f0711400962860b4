import type { Runtime, Timer } from '../runtime/index.js'
import type { Payload } from './payload.js'
import { settings } from './settings.js'

/** What a run says of its progress, told not more often than every `settings.progressEvery`; only the last word counts. */
export class Progress {
  readonly #runtime: Runtime
  readonly #tell: (value: Payload) => void
  #last = Number.NEGATIVE_INFINITY
  #waiting: Payload | undefined
  #timer: Timer | undefined

  constructor(runtime: Runtime, tell: (value: Payload) => void) {
    this.#runtime = runtime
    this.#tell = tell
  }

  /** Tells it now, or as soon as it may. */
  say(value: Payload): void {
    this.#waiting = value
    if (this.#timer !== undefined) return
    const wait = this.#last + settings.progressEvery - this.#runtime.now()
    if (wait <= 0) this.#say()
    else
      this.#timer = this.#runtime.timer(wait, () => {
        this.#timer = undefined
        this.#say()
      })
  }

  /** The run is over or unwanted: what waits is not told any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#waiting = undefined
  }

  #say(): void {
    if (this.#waiting === undefined) return
    const value = this.#waiting
    this.#waiting = undefined
    this.#last = this.#runtime.now()
    this.#tell(value)
  }
}
