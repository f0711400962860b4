import type { Runtime, Timer } from '../../runtime/index.js'

/** Ask for a sign of life after this long without a frame, in milliseconds; below the 30–60 s at which proxies cut. */
const askAfter = 20_000
/** And take the other end for gone when none has come this long after asking. */
const answerWithin = 10_000

/** What a watch does when nothing is heard. */
export interface SilenceEvents {
  /** Asks the other end for a sign of life. */
  ask(): void
  /** It did not answer. */
  silent(): void
}

/** Asks a silent server whether it is there: a network that went away closes no socket. */
export class SilenceWatch {
  readonly #runtime: Runtime
  readonly #events: SilenceEvents
  #timer: Timer | undefined
  #lastHeard = 0

  constructor(runtime: Runtime, events: SilenceEvents) {
    this.#runtime = runtime
    this.#events = events
  }

  /** Something came. */
  heard(): void {
    this.#lastHeard = this.#runtime.now()
  }

  /** Watches from now on, until `stop` or silence. */
  start(): void {
    this.stop()
    this.#timer = this.#runtime.timer(askAfter, () => {
      if (this.#runtime.now() - this.#lastHeard < askAfter) return this.start()
      const asked = this.#runtime.now()
      this.#events.ask()
      this.#timer = this.#runtime.timer(answerWithin, () => {
        if (this.#lastHeard >= asked) this.start()
        else this.#events.silent()
      })
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
