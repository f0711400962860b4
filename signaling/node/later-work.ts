import type { Runtime } from '../../src/runtime/index.js'

/** Milliseconds of a turn of the event loop in which such work is begun. */
const turnMilliseconds = 0.1

/** Somebody with work that may wait. */
export interface Worker {
  /** Does all of it that there is. */
  workOn(): void
}

/**
 * Work that may wait a little, done in the order in which it came and only so long in each turn of the event loop:
 * what a crowd causes all at once (hundreds of frames to hundreds of sockets, hundreds of sockets whose time is up)
 * would otherwise be done all at once, while everybody else waits.
 */
export class LaterWork {
  readonly #runtime: Runtime
  readonly #waiting = new Set<Worker>()
  readonly #onTurn = (): void => this.#workOn()
  #isScheduled = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Puts somebody at the end of the line, who is not in it yet. */
  add(worker: Worker): void {
    this.#waiting.add(worker)
    this.#schedule()
  }

  /** Takes somebody out of the line. */
  remove(worker: Worker): void {
    this.#waiting.delete(worker)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  #workOn(): void {
    this.#isScheduled = false
    const until = this.#runtime.now() + turnMilliseconds
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker)
      worker.workOn()
      if (this.#runtime.now() >= until) break
    }
    if (this.#waiting.size > 0) this.#schedule()
  }
}
