import type { Runtime } from '../../src/runtime/index.js'
import type { ReadingTurns } from './reading-turns.js'

/**
 * Milliseconds of a turn of the event loop in which such work is begun: while several addresses have something to say,
 * enough for three system calls, as a turn may also have an upgrade, a go of frames and a connection in it.
 */
const turnMilliseconds = { shared: 0.05, alone: 0.1 }

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
  readonly #turns: Pick<ReadingTurns, 'isShared'>
  readonly #waiting = new Set<Worker>()
  readonly #onTurn = (): void => this.#workOn()
  #isScheduled = false
  /** Milliseconds of this turn that were spent. */
  #spent = 0

  constructor(runtime: Runtime, turns: Pick<ReadingTurns, 'isShared'>) {
    this.#runtime = runtime
    this.#turns = turns
  }

  /** Puts somebody at the end of the line, who is not in it yet. */
  add(worker: Worker): void {
    this.#waiting.add(worker)
    this.#schedule()
  }

  /** Lets somebody work now, where there is nobody in line and time left in this turn; or puts it in line. */
  soon(worker: Worker): void {
    if (this.#waiting.size > 0 || this.#spent >= this.#turnMilliseconds) this.#waiting.add(worker)
    else this.#let(worker)
    this.#schedule()
  }

  /** Takes somebody out of the line. */
  remove(worker: Worker): void {
    this.#waiting.delete(worker)
  }

  get #turnMilliseconds(): number {
    return this.#turns.isShared ? turnMilliseconds.shared : turnMilliseconds.alone
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  #workOn(): void {
    this.#isScheduled = false
    this.#spent = 0
    const most = this.#turnMilliseconds
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker)
      this.#let(worker)
      if (this.#spent >= most) break
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
