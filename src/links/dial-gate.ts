import type { Runtime } from '../runtime/index.js'

/** Dials in flight at once. Each is a burst of work for both pages and of messages for the server. */
const mostInFlight = 4
/**
 * Dials that start within any `span` of milliseconds: five a second, but counted over three of them, as
 * a page dials nobody for most of its life and then all of a room. Counted over one, the last of 16
 * tabs that enter together waited for two seconds where their dials take one and a half in all.
 */
const mostPerSpan = 15
const span = 3_000

/** Lets dials through a few at a time, first come first served. */
export class DialGate {
  readonly #runtime: Runtime
  /** In the order of asking; the value starts the dial. */
  readonly #waiting = new Map<string, () => void>()
  readonly #inFlight = new Set<string>()
  /** When the latest dials started, the oldest first. */
  readonly #starts: number[] = []
  #isTimed = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Calls `start` when there is room; nothing when `id` waits or is in flight already. */
  enter(id: string, start: () => void): void {
    if (this.#inFlight.has(id) || this.#waiting.has(id)) return
    this.#waiting.set(id, start)
    this.#next()
  }

  /** The dial of `id` is over, or is no longer wanted. */
  leave(id: string): void {
    this.#waiting.delete(id)
    if (this.#inFlight.delete(id)) this.#next()
  }

  #next(): void {
    if (this.#isTimed || this.#waiting.size === 0 || this.#inFlight.size >= mostInFlight) return
    this.#isTimed = true
    const [oldest = 0] = this.#starts
    const wait = this.#starts.length < mostPerSpan ? 0 : Math.max(0, oldest + span - this.#runtime.now())
    this.#runtime.timer(wait, () => {
      this.#isTimed = false
      const [first] = this.#waiting
      if (first === undefined || this.#inFlight.size >= mostInFlight) return
      const [id, start] = first
      this.#waiting.delete(id)
      this.#inFlight.add(id)
      if (this.#starts.push(this.#runtime.now()) > mostPerSpan) this.#starts.shift()
      start()
      this.#next()
    })
  }
}
