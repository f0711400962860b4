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
  /** Bytes under way when it left, its own among them. */
  readonly underWay: number
  /** The other end acknowledges one of its size at once. */
  readonly isShort: boolean
  /** No bulk was under way before it, or a crumb of it. */
  readonly isAlone: boolean
  isLimited: boolean
}

/**
 * How many bytes may be under way, found by their delay as LEDBAT does (RFC 6817): as many as come
 * a little later than a frame that has the way for itself. What is under way beyond that only queues,
 * for instance before a page that is slow to take it, where no priority can overtake it.
 */
export class FlowWindow {
  readonly #runtime: Runtime
  readonly #most: number
  #bytes: number
  /** The shortest delay of a frame that had the way for itself. */
  #shortest: number | undefined
  #shortestSince = 0
  #timedAlone = 0
  /** The shortest delay is so old that no more may be under way than one frame, which tells it anew. */
  #isRunningDry = false
  /** Bytes a millisecond that come through where bulk fills the window, and how many frames told it. */
  #speed = 0
  #timed = 0
  #probe: Probe | undefined

  constructor(runtime: Runtime, most: number) {
    this.#runtime = runtime
    this.#most = most
    this.#bytes = Math.min(most, settings.firstWindowBytes)
  }

  /** Of anything. */
  get bytes(): number {
    return this.#isRunningDry ? settings.shortFrameBytes : this.#bytes
  }

  /** Whether the delay of a frame that has the way for itself is not known. */
  get isUntimed(): boolean {
    return this.#shortest === undefined
  }

  /**
   * Of bulk, so that the next urgent message waits behind it for no more than a share of the time that went
   * by since the last: what the way itself holds, and the queue that may stand in it by then.
   *
   * @param quiet - milliseconds since the last message that was more urgent than bulk
   */
  bulkBytes(quiet: number): number {
    // As long as the speed is not known it is all, which soon shows it.
    if (this.#timed < enoughTimed) return this.bytes
    // As long as the delay is not, it is the least, and so frames are soon alone.
    const isKnown = this.#timedAlone >= enoughAlone && !this.#isOld
    const way = isKnown ? Math.max(0, (this.#shortest ?? 0) - settings.handlingDelay) : 0
    const held = Math.floor(this.#speed * (way * settings.yieldingShare + quiet * settings.waitingShare))
    return Math.min(this.bytes, Math.max(settings.shortFrameBytes, held))
  }

  /**
   * A frame leaves.
   *
   * @param number - of its last part
   * @param underWay - bytes under way with it
   * @param bulkBefore - bytes of bulk under way before it
   */
  sent(number: number, bytes: number, underWay: number, bulkBefore: number): void {
    // The acknowledgement of less waits for more to come.
    if (bytes < settings.acknowledgeBytes) return
    this.#probe ??= {
      number,
      sentAt: this.#runtime.now(),
      underWay,
      isShort: bytes <= settings.shortFrameBytes,
      isAlone: bulkBefore <= settings.crumbBytes,
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
    const delay = this.#runtime.now() - probe.sentAt
    if (delay <= 0) return
    if (probe.isShort && probe.isAlone) this.#passedAlone(delay)
    // An acknowledgement that waited for company says nothing of the way.
    if (probe.isLimited) this.#passedLimited(probe, delay)
  }

  #passedAlone(delay: number): void {
    this.#isRunningDry = false
    if (this.#shortest === undefined || this.#isOld) this.#timedAlone = 0
    if (this.#timedAlone++ > 0 && delay > (this.#shortest ?? delay)) return
    this.#shortest = delay
    this.#shortestSince = this.#runtime.now()
  }

  get #isOld(): boolean {
    return this.#runtime.now() - this.#shortestSince >= shortestKept
  }

  #passedLimited({ underWay, isShort }: Probe, delay: number): void {
    const shortest = this.#shortest
    if (shortest === undefined || this.#isOld) {
      this.#shortest = undefined
      // From now on frames are short; what is under way of long ones is acknowledged with the first of them.
      this.#isRunningDry = isShort
      return
    }
    const speed = underWay / delay
    // The average of the last few: one alone is mostly chance.
    this.#speed += this.#timed++ === 0 ? speed : (speed - this.#speed) / 4
    const queueing = Math.max(settings.queueingDelay, shortest * settings.queueingShare)
    const wanted = (this.#bytes * (shortest + queueing)) / delay
    // A quarter of the way at a time: one delay alone is mostly chance.
    const step = (Math.min(2 * this.#bytes, wanted) - this.#bytes) / 4
    const bounded = Math.max(settings.leastWindowBytes, this.#bytes + step)
    this.#bytes = Math.floor(Math.min(this.#most, bounded))
  }
}
