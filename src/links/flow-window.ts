import type { Runtime } from '../runtime/index.js'
import { sessionSettings as settings } from './session-settings.js'

/** Milliseconds for which the shortest delay is believed, as of BBR; then the queue is let run dry to see it again. */
const shortestKept = 10_000
/** Milliseconds for which the fastest rate is believed, at least; at most twice as long. */
const fastestKept = 1_000

/** The part whose way is timed. */
interface Probe {
  readonly number: number
  readonly sentAt: number
  /** Bytes that had been acknowledged when it left. */
  readonly deliveredBefore: number
  isLimited: boolean
}

/**
 * How many bytes may be under way, found as BBR does (draft-ietf-ccwg-bbr): what the way delivers at
 * its best, for the time of its shortest delay and a little more. What is under way beyond that only
 * queues, for instance before a page that is slow to take it, where no priority can overtake it.
 */
export class FlowWindow {
  readonly #runtime: Runtime
  readonly #most: number
  #bytes: number
  #delivered = 0
  /** The shortest delay, and when to look for it anew. */
  #shortest = Number.POSITIVE_INFINITY
  #shortestUntil = Number.POSITIVE_INFINITY
  /** Bytes a millisecond: the best of this period, and of the one before. */
  #fastest = 0
  #fastestBefore = 0
  #periodUntil = Number.NEGATIVE_INFINITY
  #probe: Probe | undefined

  constructor(runtime: Runtime, most: number) {
    this.#runtime = runtime
    this.#most = most
    this.#bytes = Math.min(most, settings.firstWindowBytes)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Part `number` leaves. */
  sent(number: number): void {
    this.#probe ??= {
      number,
      sentAt: this.#runtime.now(),
      deliveredBefore: this.#delivered,
      isLimited: false,
    }
  }

  /** More would have been sent, had the window been wider. */
  limited(): void {
    if (this.#probe !== undefined) this.#probe.isLimited = true
  }

  /** All parts below `number` have been acknowledged, `bytes` of them just now. */
  acknowledged(number: number, bytes: number): void {
    this.#delivered += bytes
    const probe = this.#probe
    if (probe === undefined || number <= probe.number) return
    this.#probe = undefined
    // An acknowledgement that waited for company says nothing of the way.
    if (!probe.isLimited) return
    const now = this.#runtime.now()
    const delay = now - probe.sentAt
    if (delay <= 0) return
    this.#sawRate((this.#delivered - probe.deliveredBefore) / delay, now)
    this.#shortest = Math.min(this.#shortest, delay)
    if (this.#shortestUntil === Number.POSITIVE_INFINITY) this.#shortestUntil = now + shortestKept
    if (now >= this.#shortestUntil) {
      // The next part leaves when hardly anything else is under way, and tells the delay without a queue.
      this.#shortest = Number.POSITIVE_INFINITY
      this.#shortestUntil = Number.POSITIVE_INFINITY
      this.#bytes = Math.min(this.#most, settings.leastWindowBytes)
      return
    }
    const queueing = Math.max(settings.queueingDelay, this.#shortest * settings.queueingShare)
    const wanted = Math.max(this.#fastest, this.#fastestBefore) * (this.#shortest + queueing)
    const bounded = Math.min(this.#most, 2 * this.#bytes, Math.max(settings.leastWindowBytes, wanted))
    this.#bytes = Math.floor(bounded)
  }

  #sawRate(rate: number, now: number): void {
    if (now >= this.#periodUntil) {
      this.#fastestBefore = this.#fastest
      this.#fastest = 0
      this.#periodUntil = now + fastestKept
    }
    this.#fastest = Math.max(this.#fastest, rate)
  }
}
