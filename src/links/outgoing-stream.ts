import type { Runtime } from '../runtime/index.js'
import type { Message, Priority } from '../wire/index.js'
import { FlowWindow } from './flow-window.js'
import type { LinkKind } from './link.js'
import { Outbox, type Part } from './outbox.js'
import { sessionSettings as settings } from './session-settings.js'

/** A frame of numbered parts. */
export type PartFrame = Extract<Message, { type: 'session.data' | 'session.piece' }>

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
  #unacknowledged: Part[] = []
  #unacknowledgedBytes = 0
  #acknowledged = 0
  #sent = 0
  /** The next part to go over the current link. */
  #cursor = 0
  #window: FlowWindow
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

  /** Queues a message. False when it was dropped: its queue is full. */
  push(priority: Priority, message: Uint8Array): boolean {
    if (!this.#outbox.takes(priority)) return false
    this.#outbox.push(priority, message)
    return true
  }

  /**
   * The next frame, if there is one worth sending now.
   *
   * @param isBusy - whether the link still has frames to get rid of
   * @param acknowledged - how many of the peer's parts the frame says to have come
   */
  next(isBusy: boolean, acknowledged: number): PartFrame | undefined {
    const first = this.#cursor
    // What goes into a busy link can as well wait for company: `drain` follows.
    if (first === this.#sent && isBusy && this.#outbox.bytes < settings.pieceBytes) {
      if (!this.#outbox.isUrgent) return undefined
    }
    const messages: Uint8Array[] = []
    for (let bytes = 0; bytes < settings.wholeBytes; ) {
      const part = this.#partAtCursor()
      if (part === undefined) break
      if (part.piece !== undefined) {
        if (messages.length > 0) break
        this.#advance(part)
        return { type: 'session.piece', number: first, acknowledged, ...part.piece, piece: part.bytes }
      }
      bytes += part.bytes.length
      if (messages.length > 0 && bytes > settings.wholeBytes) break
      messages.push(part.bytes)
      this.#advance(part)
    }
    return messages.length === 0 ? undefined : { type: 'session.data', first, acknowledged, messages }
  }

  /** The peer has all parts below `number`. False when it cannot have them: they never left. */
  acknowledge(number: number): boolean {
    if (number > this.#sent) return false
    const count = number - this.#acknowledged
    if (count <= 0) return true
    for (const part of this.#unacknowledged.splice(0, count)) this.#unacknowledgedBytes -= part.bytes.length
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

  #partAtCursor(): Part | undefined {
    if (this.#cursor < this.#sent) return this.#unacknowledged[this.#cursor - this.#acknowledged]
    const isFull =
      this.#unacknowledgedBytes >= this.#window.bytes || this.#unacknowledged.length >= settings.windowParts
    if (!isFull) return this.#outbox.peek()
    if (this.#outbox.bytes > 0) this.#window.limited()
    return undefined
  }

  /** Moves past a part, numbering it when it leaves for the first time. */
  #advance(part: Part): void {
    if (this.#cursor === this.#sent) {
      this.#outbox.shift(part)
      this.#unacknowledged.push(part)
      this.#window.sent(this.#sent)
      this.#unacknowledgedBytes += part.bytes.length
      this.#sent++
    } else this.resends++
    this.#cursor++
  }
}
