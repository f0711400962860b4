import type { Runtime } from '../runtime/index.js'
import { sessionSettings as settings } from './session-settings.js'

/** The shortest time is forgotten by this factor a round trip: a busy machine is slow without a queue. */
const forgetting = 1.01

/**
 * How many bytes may be under way, found by their delay as LEDBAT does (RFC 6817): as long as an
 * acknowledgement comes soon after the shortest time that one ever took, more may be sent; when it
 * takes longer, bytes are queueing somewhere, for instance before a page that is slow to take them,
 * where no priority can overtake them, and the window shrinks.
 */
export class FlowWindow {
  readonly #runtime: Runtime
  readonly #most: number
  #bytes: number
  #shortest = Number.POSITIVE_INFINITY
  /** The part whose acknowledgement is timed. */
  #probe: { readonly number: number; readonly sentAt: number; isLimited: boolean } | undefined

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
    const delay = this.#runtime.now() - probe.sentAt
    this.#shortest = Math.min(this.#shortest * forgetting, delay)
    const queueing = delay - this.#shortest
    const wanted = queueing > settings.queueingDelay ? this.#bytes * 0.75 : this.#bytes * 1.25
    this.#bytes = Math.floor(Math.min(this.#most, Math.max(settings.leastWindowBytes, wanted)))
  }
}
