import type { Runtime } from '../runtime/index.js'
import { sessionSettings as settings } from './session-settings.js'

/** Milliseconds for which a shortest delay is believed, as of BBR: then it is to be seen again. */
const shortestKept = 10_000

/** Frames timed under a full window after which its speed is believed; and frames alone after which their delay is. */
const enoughTimed = 8
const enoughAlone = 4

/** The frame whose way is timed. */
interface Probe {
  /** Of its last part. */
  readonly number: number
  readonly sentAt: number
  readonly bytes: number
  /** Bytes under way when it left, its own among them. */
  readonly underWay: number
  /** Nothing but crumbs was under way before it, and the other end acknowledges one of its size at once. */
  readonly isAlone: boolean
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
  /** Bytes a millisecond that come through where bulk fills the window, and how many frames told it. */
  #speed = 0
  #timed = 0
  /** The shortest delay of a frame that had the way for itself, less what its own bytes took. */
  #bare = Number.POSITIVE_INFINITY
  #bareSince = Number.NEGATIVE_INFINITY
  #timedAlone = 0
  #probe: Probe | undefined

  constructor(runtime: Runtime, most: number) {
    this.#runtime = runtime
    this.#most = most
    this.#bytes = Math.min(most, settings.firstWindowBytes)
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Of these, what hardly queues: most of what the way itself holds, its speed times the delay of a frame
   * alone. As long as that delay is not known it is the least, and so frames are soon alone; as long as the
   * speed is not, it is all, which soon shows it.
   */
  get bytesUnqueued(): number {
    if (this.#timed < enoughTimed) return this.#bytes
    const isKnown = this.#timedAlone >= enoughAlone && this.#runtime.now() - this.#bareSince < shortestKept
    const held = isKnown ? Math.floor(this.#speed * this.#bare * settings.yieldingShare) : 0
    return Math.min(this.#bytes, Math.max(settings.leastUnqueuedBytes, held))
  }

  /** A frame of `bytes` leaves, the last part of which is `number`; with it `underWay` bytes are. */
  sent(number: number, bytes: number, underWay: number): void {
    this.#probe ??= {
      number,
      sentAt: this.#runtime.now(),
      bytes,
      underWay,
      isAlone: bytes >= settings.acknowledgeBytes && underWay - bytes <= settings.crumbBytes,
      isLimited: false,
    }
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
    const now = this.#runtime.now()
    const delay = now - probe.sentAt
    if (delay <= 0) return
    if (probe.isAlone && this.#timed >= enoughTimed) this.#passedAlone(probe, delay, now)
    // An acknowledgement that waited for company says nothing of the way.
    if (!probe.isLimited) return
    const speed = probe.underWay / delay
    // The average of the last few: one alone is mostly chance.
    this.#speed += this.#timed++ === 0 ? speed : (speed - this.#speed) / 4
    if (this.#shortest === Number.POSITIVE_INFINITY) this.#shortestSince = now
    this.#shortest = Math.min(this.#shortest, delay)
    if (now - this.#shortestSince >= shortestKept) {
      // The queue is let run dry: the next part leaves when hardly anything else is under way, and tells the delay without a queue.
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

  #passedAlone({ bytes }: Probe, delay: number, now: number): void {
    if (now - this.#bareSince >= shortestKept) {
      this.#bare = Number.POSITIVE_INFINITY
      this.#bareSince = now
      this.#timedAlone = 0
    }
    this.#bare = Math.min(this.#bare, Math.max(0, delay - bytes / this.#speed))
    this.#timedAlone++
  }

  /** Milliseconds of queueing that the window settles at. */
  get #queueing(): number {
    return Math.max(settings.queueingDelay, this.#shortest * settings.queueingShare)
  }
}
