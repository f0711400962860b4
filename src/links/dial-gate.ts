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
/**
 * Dials of others that are answered within any such span. All of a room dial a newcomer at once, about half of them; but each
 * is a connection, of which Chromium allows a page 500, those included that were closed just now.
 */
const mostAnsweredPerSpan = 100

/**
 * Lets dials through a few at a time: first come first served, but those before all others of whom something was heard.
 * The others may not be there, whatever the server says, and keep their places until they time out.
 */
export class DialGate {
  readonly #runtime: Runtime
  /** In the order of asking; the value starts the dial. */
  readonly #heard = new Map<string, () => void>()
  readonly #unheard = new Map<string, () => void>()
  readonly #inFlight = new Set<string>()
  /** When the latest dials started, the oldest first. */
  readonly #starts: number[] = []
  /** When dials of others were answered, the oldest first. */
  readonly #answers: number[] = []
  #isTimed = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  get waiting(): number {
    return this.#heard.size + this.#unheard.size
  }

  /**
   * Calls `start` when there is room; nothing when `id` waits or is in flight already.
   *
   * @param isHeard - whether anything came from it
   */
  enter(id: string, isHeard: boolean, start: () => void): void {
    if (this.#inFlight.has(id) || this.#heard.has(id) || this.#unheard.has(id)) return
    const waiting = isHeard ? this.#heard : this.#unheard
    waiting.set(id, start)
    this.#next()
  }

  /** Something came from `id`. */
  heard(id: string): void {
    const start = this.#unheard.get(id)
    if (start === undefined) return
    this.#unheard.delete(id)
    this.#heard.set(id, start)
  }

  /** The dial of `id` is over, or is no longer wanted. */
  leave(id: string): void {
    this.#heard.delete(id)
    this.#unheard.delete(id)
    if (this.#inFlight.delete(id)) this.#next()
  }

  /** Whether another's dial may be answered now; if so, it counts. */
  answer(): boolean {
    const now = this.#runtime.now()
    const [oldest = now] = this.#answers
    if (this.#answers.length >= mostAnsweredPerSpan) {
      if (now - oldest < span) return false
      this.#answers.shift()
    }
    this.#answers.push(now)
    return true
  }

  #next(): void {
    if (this.#isTimed || this.waiting === 0 || this.#inFlight.size >= mostInFlight) return
    this.#isTimed = true
    const [oldest = 0] = this.#starts
    const wait = this.#starts.length < mostPerSpan ? 0 : Math.max(0, oldest + span - this.#runtime.now())
    this.#runtime.timer(wait, () => {
      this.#isTimed = false
      const [first] = this.#heard.size > 0 ? this.#heard : this.#unheard
      if (first === undefined || this.#inFlight.size >= mostInFlight) return
      const [id, start] = first
      this.#heard.delete(id)
      this.#unheard.delete(id)
      this.#inFlight.add(id)
      if (this.#starts.push(this.#runtime.now()) > mostPerSpan) this.#starts.shift()
      start()
      this.#next()
    })
  }
}
