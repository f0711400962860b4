import { isPlanted, type Runtime, type Timer } from '../runtime/index.js'
import type { Message } from '../wire/index.js'
import { Inbox } from './inbox.js'
import type { Refusal } from './refusals.js'
import { sessionSettings as settings } from './session-settings.js'

/** What the incoming stream asks of its session. */
export interface IncomingEvents {
  /** One message, in its turn and for the first time. */
  deliver(body: Uint8Array): void
  /** The peer should hear now how much has come. */
  acknowledge(): void
}

/**
 * What the peer sends, in the order of its numbers: drops what came before, refuses gaps, puts long
 * messages together, and sees to it that the peer hears how much has come.
 */
export class IncomingStream {
  readonly #runtime: Runtime
  readonly #events: IncomingEvents
  readonly #inbox = new Inbox()
  #received = 0
  #reported = 0
  /** When the peer last heard. */
  #reportedAt = 0
  #unreportedBytes = 0
  /** Left to run when the peer hears sooner: setting and cancelling one for every frame costs more than its tick. */
  #report: Timer | undefined
  /** Whether the peer heard something since the timer was set. */
  #hasReported = false
  #isClosed = false

  constructor(runtime: Runtime, events: IncomingEvents) {
    this.#runtime = runtime
    this.#events = events
  }

  /** The number of the next part: all below it have come. */
  get received(): number {
    return this.#received
  }

  /** Whether the peer has not heard of all that has come. */
  get isUnreported(): boolean {
    return this.#received !== this.#reported
  }

  /** Takes whole messages, the first of which has the number `first`. Answers why not, where it refuses. */
  takeMessages(first: number, messages: readonly Uint8Array[]): Refusal | undefined {
    if (first > this.#received) return 'gap'
    const isRepeated = first + messages.length <= this.#received
    const seen = isPlanted('resend-without-dedupe') ? 0 : this.#received - first
    let bytes = 0
    for (let index = seen; index < messages.length && !this.#isClosed; index++) {
      const body = messages[index] as Uint8Array
      this.#received = Math.max(this.#received, first + index + 1)
      bytes += body.length
      this.#unreportedBytes += body.length
      this.#events.deliver(body)
    }
    if (isRepeated) this.#repeated()
    else this.#acknowledgeSoon(bytes)
    return undefined
  }

  /** Takes a piece of a long message. Answers why not, where it refuses. */
  takePiece(message: Extract<Message, { type: 'session.piece' }>): Refusal | undefined {
    const { number, lane, total, offset, piece } = message
    if (number > this.#received) return 'gap'
    if (number === this.#received) {
      let whole: Uint8Array | undefined
      try {
        whole = this.#inbox.take(lane, total, offset, piece)
      } catch {
        return 'bad-piece'
      }
      this.#received = number + 1
      this.#unreportedBytes += piece.length
      if (whole !== undefined) this.#events.deliver(whole)
      this.#acknowledgeSoon(piece.length)
    } else this.#repeated()
    return undefined
  }

  /** A frame that is about to leave says how much has come. */
  reported(): void {
    this.#hasReported = true
    this.#reportedAt = this.#runtime.now()
    this.#reported = this.#received
    this.#unreportedBytes = 0
  }

  /** The peer numbers anew. */
  restart(): void {
    this.#received = 0
    this.#reported = 0
    this.#unreportedBytes = 0
    this.#inbox.clear()
  }

  /** Drops the pieces of messages that are not whole. */
  dropPieces(): void {
    this.#inbox.clear()
  }

  /** Takes and says nothing more. */
  close(): void {
    this.#isClosed = true
    this.#report?.cancel()
  }

  /**
   * What has come before comes again: the peer may not have heard that it had. It hears at once, as of TCP (RFC 5681,
   * section 4.2): the timer of a hidden page may be a minute late, and the peer would send all again four times.
   */
  #repeated(): void {
    this.#reported = Math.min(this.#reported, this.#received - 1)
    if (this.#isClosed) return
    if (this.#isSoon) this.#reportSoon()
    else this.#events.acknowledge()
  }

  /**
   * Tells the peer what has been delivered: with the next frame, or soon.
   *
   * @param bytes - of the frame that came
   */
  #acknowledgeSoon(bytes: number): void {
    if (!this.isUnreported || this.#isClosed) return
    if (this.#unreportedBytes >= this.#enoughToReport(bytes)) this.#events.acknowledge()
    else this.#reportSoon()
  }

  /** Bytes that are worth an acknowledgement of their own, where frames of `bytes` bytes come. */
  #enoughToReport(bytes: number): number {
    if (bytes <= settings.shortFrameBytes) return settings.acknowledgeBytes
    return bytes * (this.#isSoon ? settings.acknowledgeMostFrames : settings.acknowledgeFrames)
  }

  /** Whether the peer heard a moment ago. */
  get #isSoon(): boolean {
    return this.#runtime.now() - this.#reportedAt < settings.acknowledgePause
  }

  #reportSoon(): void {
    if (this.#report !== undefined) return
    this.#hasReported = false
    this.#report = this.#runtime.timer(settings.acknowledgeDelay, () => {
      this.#report = undefined
      if (!this.isUnreported || this.#isClosed) return
      // What is unreported may have come just now; it gets its time.
      if (this.#hasReported) this.#reportSoon()
      else this.#events.acknowledge()
    })
  }
}
