import type { Runtime } from '../runtime/index.js'

/** Something that has messages to handle. */
export interface Runnable {
  /** Handles one message; true when another can be handled at once. */
  step(): boolean
}

/** Messages a process may handle before the next one's turn: BEAM gives about as many calls' worth of work. */
const messagesPerTurn = 64

/** Milliseconds after which the event loop is let go on: half a frame at 60 Hz, so that pages stay smooth. */
const longestRun = 8

/** Where the clock stands still, as in the simulator, this many messages end a run instead. */
const mostMessagesPerRun = 100_000

/** Gives the processes of one page their turns, fairly, with the stack empty, and without ever starving the page. */
export class Scheduler {
  readonly #runtime: Runtime
  readonly #defer: (run: () => void) => void
  #ready: Runnable[] = []
  readonly #queued = new Set<Runnable>()
  #deferred = false

  /** @param defer - runs a function soon, with the stack empty; a microtask when not given */
  constructor(runtime: Runtime, defer: ((run: () => void) => void) | undefined) {
    this.#runtime = runtime
    this.#defer = defer ?? ((run) => void Promise.resolve().then(run))
  }

  /** `runnable` has messages. */
  ready(runnable: Runnable): void {
    if (this.#queued.has(runnable)) return
    this.#queued.add(runnable)
    this.#ready.push(runnable)
    if (this.#deferred) return
    this.#deferred = true
    this.#defer(() => this.#run())
  }

  /** Calls `act` soon, with the stack empty. */
  soon(act: () => void): void {
    this.ready({
      step() {
        act()
        return false
      },
    })
  }

  #run(): void {
    const end = this.#runtime.now() + longestRun
    let messages = 0
    let checkAt = 64
    while (this.#ready.length > 0) {
      const turn = this.#ready
      this.#ready = []
      for (const [index, runnable] of turn.entries()) {
        this.#queued.delete(runnable)
        let left = messagesPerTurn
        while (this.#step(runnable)) {
          messages++
          if (--left === 0) {
            this.#queued.add(runnable)
            this.#ready.push(runnable)
            break
          }
        }
        messages++
        if (messages < checkAt) continue
        checkAt = messages + 64
        if (this.#runtime.now() >= end || messages >= mostMessagesPerRun) {
          this.#ready = [...turn.slice(index + 1), ...this.#ready]
          if (this.#ready.length === 0) break
          this.#runtime.timer(0, () => this.#run())
          return
        }
      }
    }
    this.#deferred = false
  }

  #step(runnable: Runnable): boolean {
    try {
      return runnable.step()
    } catch (error) {
      this.#runtime.log('error', 'a listener threw', { error: String(error) })
      return false
    }
  }
}
