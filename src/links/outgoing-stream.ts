import type { Runtime } from '../runtime/index.js'
import { type EncodedMessage, type PartFrame, type Priority, priorities } from '../wire/index.js'
import { FlowWindow } from './flow-window.js'
import type { LinkKind } from './link.js'
import { Outbox, type OutgoingPart } from './outbox.js'
import { sessionSettings as settings } from './session-settings.js'

/**
 * What this peer sends, in the order of its numbers: parts are numbered when they first leave, and
 * kept until they are acknowledged. After `rewind` they leave again, for the link that took over.
 *
 * ```text
 *   acknowledged ──▶ cursor ──▶ sent ──▶ outbox
 *   │ left, not yet known to have come   │ waits for its number
 * ```
 */
export class OutgoingStream {
  readonly #runtime: Runtime
  readonly #outbox = new Outbox()
  /** Parts from `#acknowledged` on that have left, in order. */
  #unacknowledged: OutgoingPart[] = []
  #unacknowledgedBytes = 0
  /** Of these, bulk's. */
  #unacknowledgedBulk = 0
  #acknowledged = 0
  #sent = 0
  /** The next part to go over the current link. */
  #cursor = 0
  #window: FlowWindow
  /** When the last message came that is more urgent than bulk. */
  #lastUrgent = Number.NEGATIVE_INFINITY
  /** Parts that left again. */
  resends = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#window = this.#newWindow('direct')
  }

  /** Bytes that wait or are under way. */
  get bytes(): number {
    return this.#outbox.bytes + this.#unacknowledgedBytes
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes
  }

  /** How many parts the peer is known to have. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Whether any part has its number. */
  get hasNumbered(): boolean {
    return this.#sent > 0
  }

  /** Whether every queue is at most half full: the time to tell those who were refused. */
  get relaxed(): boolean {
    return this.#outbox.relaxed
  }

  /**
   * What is to leave next: a part as soon as the link takes one, no part before more is acknowledged
   * (`full`), or none.
   */
  get next(): 'part' | 'full' | 'none' {
    if (this.#cursor < this.#sent) return 'part'
    if (this.#outbox.bytes === 0) return 'none'
    return this.#isFull(this.#most) ? 'full' : 'part'
  }

  /** Queues a message. False when it was dropped: its queue is full. */
  push(priority: Priority, message: EncodedMessage): boolean {
    if (!this.#outbox.takes(priority)) return false
    if (priority !== priorities.bulk) this.#lastUrgent = this.#runtime.now()
    this.#outbox.push(priority, message)
    return true
  }

  /**
   * The next frame, if there is one worth sending now.
   *
   * @param isBusy - whether the link still has frames to get rid of
   */
  take(isBusy: boolean): Omit<PartFrame, 'acknowledged'> | undefined {
    const first = this.#cursor
    const { isBulk } = this.#outbox
    const most = this.#most
    const frameBytes = this.#frameBytes(most)
    // What goes into a busy link can as well wait for company: `drain` follows.
    if (first === this.#sent && isBusy && this.#outbox.bytes < frameBytes) {
      if (!this.#outbox.isUrgent) return undefined
    }
    const parts: OutgoingPart[] = []
    let bytes = 0
    /** With what stands before each message. */
    let length = 0
    while (length < frameBytes) {
      const part = this.#partAtCursor(most, frameBytes)
      if (part === undefined) break
      const more = part.end - part.start
      if (parts.length > 0) {
        // A piece rides alone.
        if (part.lane !== undefined || length + more + settings.partHeadBytes > frameBytes) break
        // Urgent messages come when the whole frame has come.
        if (part.isBulk && !isBulk && bytes + more > settings.crumbBytes) break
      }
      bytes += more
      length += more + settings.partHeadBytes
      parts.push(part)
      this.#advance(part)
      if (part.lane !== undefined) break
    }
    if (parts.length === 0) return undefined
    // A sender with nothing more to send is not held up by the window, and learns nothing of it.
    if (this.#outbox.bytes > 0) {
      const bulkBefore = this.#unacknowledgedBulk - (isBulk ? bytes : 0)
      this.#window.sent(this.#cursor - 1, bytes, this.#unacknowledgedBytes, bulkBefore)
    }
    return { first, parts }
  }

  /** The peer has all parts below `number`. False when it cannot have them: they never left. */
  acknowledge(number: number): boolean {
    if (number > this.#sent) return false
    const count = number - this.#acknowledged
    if (count <= 0) return true
    for (const { start, end, isBulk } of this.#unacknowledged.splice(0, count)) {
      this.#unacknowledgedBytes -= end - start
      if (isBulk) this.#unacknowledgedBulk -= end - start
    }
    this.#acknowledged = number
    this.#window.acknowledged(number)
    this.#cursor = Math.max(this.#cursor, number)
    return true
  }

  /** Another link takes over: it starts from the last acknowledged part, and with a window of its own. */
  rewind(kind: LinkKind): void {
    this.#cursor = this.#acknowledged
    this.#window = this.#newWindow(kind)
  }

  /** Forgets what has its number, and begins to number anew. What waits stays. */
  renumber(): void {
    this.#unacknowledged = []
    this.#unacknowledgedBytes = 0
    this.#unacknowledgedBulk = 0
    this.#acknowledged = 0
    this.#sent = 0
    this.#cursor = 0
  }

  /** Drops what waits for its number. */
  clearWaiting(): void {
    this.#outbox.clear()
  }

  #newWindow(kind: LinkKind): FlowWindow {
    return new FlowWindow(this.#runtime, kind === 'relay' ? settings.relayWindowBytes : settings.windowBytes)
  }

  #partAtCursor(most: number, frameBytes: number): OutgoingPart | undefined {
    if (this.#cursor < this.#sent) return this.#unacknowledged[this.#cursor - this.#acknowledged]
    if (this.#isFull(most)) {
      if (this.#outbox.bytes > 0 && this.#unacknowledgedBytes >= this.#window.bytes) this.#window.limited()
      return undefined
    }
    const part = this.#outbox.peek(frameBytes)
    // Where one frame is all that may be under way a second is too much, unless the first is not acknowledged without.
    const underWay = this.#unacknowledgedBulk
    if (part === undefined || frameBytes < most || underWay < settings.acknowledgeBytes) return part
    return underWay + part.end - part.start > most ? undefined : part
  }

  /** The longest frame where `most` bytes may be under way: a share of them, and short as long as the way was not timed. */
  #frameBytes(most: number): number {
    const { shortFrameBytes, longFrameBytes, frameShare } = settings
    if (this.#window.isUntimed) return shortFrameBytes
    return Math.min(longFrameBytes, Math.max(shortFrameBytes, Math.floor(most * frameShare)))
  }

  #isFull(most: number): boolean {
    if (this.#outbox.isBulk && this.#unacknowledgedBulk >= most) return true
    return (
      this.#unacknowledgedBytes >= this.#window.bytes || this.#unacknowledged.length >= settings.windowParts
    )
  }

  /** Bytes that may be under way before the next part leaves: of bulk where that is bulk, and of anything. */
  get #most(): number {
    return this.#outbox.isBulk
      ? this.#window.bulkBytes(this.#runtime.now() - this.#lastUrgent)
      : this.#window.bytes
  }

  /** Moves past a part, numbering it when it leaves for the first time. */
  #advance(part: OutgoingPart): void {
    if (this.#cursor === this.#sent) {
      this.#outbox.shift(part)
      this.#unacknowledged.push(part)
      this.#unacknowledgedBytes += part.end - part.start
      if (part.isBulk) this.#unacknowledgedBulk += part.end - part.start
      this.#sent++
    } else this.resends++
    this.#cursor++
  }
}
