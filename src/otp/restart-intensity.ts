import type { Runtime } from '../runtime/index.js'

/** Counts restarts in a sliding window, as OTP does: one more than `maxRestarts` within `maxSeconds` is too many. */
export class RestartIntensity {
  readonly #runtime: Pick<Runtime, 'now'>
  readonly #maxRestarts: number
  readonly #window: number
  #times: number[] = []

  constructor(runtime: Pick<Runtime, 'now'>, maxRestarts: number, maxSeconds: number) {
    this.#runtime = runtime
    this.#maxRestarts = maxRestarts
    this.#window = maxSeconds * 1000
  }

  /** Counts a restart; false when it is one too many. */
  count(): boolean {
    const now = this.#runtime.now()
    this.#times = this.#times.filter((time) => now - time <= this.#window)
    this.#times.push(now)
    return this.#times.length <= this.#maxRestarts
  }
}
