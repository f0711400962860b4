import type { Runtime } from '../runtime/index.js'
import { sessionSettings as settings } from './session-settings.js'

/** Milliseconds for which the shortest delay is believed, as of BBR: then the queue is let run dry to see it again. */
const shortestKept = 10_000

/** The part whose way is timed. */
interface Probe {
  readonly number: number
  readonly sentAt: number
  isLimited: boolean
}

/**
 * How many bytes may be under way, found by their delay as LEDBAT does (RFC 6817): as many as come
 * a little later than the shortest time that any took. What is under way beyond that only queues,
 * for instance before a page that is slow to take it, where no priority can overtake it.
 */
export class FlowWindow {
  readonly #runtime: Runtime
  readonly #most: number
  #bytes: number
  #shortest = Number.POSITIVE_INFINITY
  #shortestSince = 0
  #probe: Probe | undefined

  constructor(runtime: Runtime, most: number) {
    this.#runtime = runtime
    this.#most = most
    this.#bytes = Math.min(most, settings.firstWindowBytes)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Of these, what hardly queues: most of what the way itself holds, its speed times its shortest delay. */
  get bytesUnqueued(): number {
    if (this.#shortest === Number.POSITIVE_INFINITY) return settings.leastUnqueuedBytes
    const share = this.#shortest / (this.#shortest + this.#queueing)
    return Math.max(settings.leastUnqueuedBytes, Math.floor(this.#bytes * share * settings.yieldingShare))
  }

  /** Part `number` leaves. */
  sent(number: number): void {
    this.#probe ??= { number, sentAt: this.#runtime.now(), isLimited: false }
  }

  /** More would have been sent, had the window been wider. */
  limited(): void {
    if (this.#probe !== undefined) this.#probe.isLimited = true
  }

  /** All parts below `number` have been acknowledged. */
  acknowledged(number: number): void {
    const probe = this.#probe
    if (probe === undefined || number <= probe.number) return
    this.#probe = undefined
    // An acknowledgement that waited for company says nothing of the way.
    if (!probe.isLimited) return
    const now = this.#runtime.now()
    const delay = now - probe.sentAt
    if (delay <= 0) return
    if (this.#shortest === Number.POSITIVE_INFINITY) this.#shortestSince = now
    this.#shortest = Math.min(this.#shortest, delay)
    if (now - this.#shortestSince >= shortestKept) {
      // The next part leaves when hardly anything else is under way, and tells the delay without a queue.
      this.#shortest = Number.POSITIVE_INFINITY
      this.#bytes = Math.min(this.#most, settings.leastWindowBytes)
      return
    }
    const wanted = (this.#bytes * (this.#shortest + this.#queueing)) / delay
    // A quarter of the way at a time: one delay alone is mostly chance.
    const step = (Math.min(2 * this.#bytes, wanted) - this.#bytes) / 4
    const bounded = Math.max(settings.leastWindowBytes, this.#bytes + step)
    this.#bytes = Math.floor(Math.min(this.#most, bounded))
  }

  /** Milliseconds of queueing that the window settles at. */
  get #queueing(): number {
    return Math.max(settings.queueingDelay, this.#shortest * settings.queueingShare)
  }
}
