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
  /** Milliseconds of this turn that were spent. */
  #spent = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Puts somebody at the end of the line, who is not in it yet. */
  add(worker: Worker): void {
    this.#waiting.add(worker)
    this.#schedule()
  }

  /** Lets somebody work now, where there is nobody in line and time left in this turn; or puts it in line. */
  soon(worker: Worker): void {
    if (this.#waiting.size > 0 || this.#spent >= turnMilliseconds) this.#waiting.add(worker)
    else this.#let(worker)
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
    this.#spent = 0
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker)
      this.#let(worker)
      if (this.#spent >= turnMilliseconds) break
    }
    // What was spent holds until a next turn begins.
    if (this.#spent > 0) this.#schedule()
  }

  #let(worker: Worker): void {
    const start = this.#runtime.now()
    worker.workOn()
    this.#spent += this.#runtime.now() - start
  }
}
