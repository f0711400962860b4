import type { Runtime, Timer } from '../runtime/index.js'
import {
  encodeForSending,
  limits,
  type Message,
  messageDefinition,
  type Priority,
  priorities,
} from '../wire/index.js'
import type { Carrier } from './carrier.js'
import { LooseMessages } from './loose-messages.js'
import { OutgoingStream } from './outgoing-stream.js'
import { sessionSettings as settings } from './session-settings.js'

/** What a sender asks of its session, and tells it. */
export interface SenderEvents {
  /** How many of the peer's parts have come; the frame that is about to leave says so. */
  reporting(): number
  /** After `send` had answered false: there is room again. */
  drained(): void
}

/** The sending half of a session: queues what is to leave, and hands it to the link in use as that takes it. */
export class Sender {
  readonly #runtime: Runtime
  readonly #events: SenderEvents
  readonly #outgoing: OutgoingStream
  readonly #loose = new LooseMessages()
  #carrier: Carrier | undefined
  #isHeld = false
  #isEnded = false
  #wasRefused = false
  /** More of the least urgent changes nothing: the window or the link is full, and what ends that calls `pump`. */
  #isFull = false
  /** What waits for company has waited for as long as it may. */
  #hasWaited = false
  /** Runs while parts are under way that were not acknowledged. */
  #overdue: Timer | undefined
  #overdueAfter: number = settings.overdue
  messagesSent = 0

  constructor(runtime: Runtime, events: SenderEvents) {
    this.#runtime = runtime
    this.#events = events
    this.#outgoing = new OutgoingStream(runtime)
  }

  /** Bytes that wait or are under way. */
  get bytes(): number {
    return this.#outgoing.bytes + this.#loose.bytes
  }

  get unacknowledgedBytes(): number {
    return this.#outgoing.unacknowledgedBytes
  }

  /** Parts that left again. */
  get resends(): number {
    return this.#outgoing.resends
  }

  /** Whether any part has its number. */
  get hasNumbered(): boolean {
    return this.#outgoing.hasNumbered
  }

  /** Queues a message. False when it was dropped: its queue is full, it is too long, or it wants a link now. */
  send(message: Message, priority: Priority | undefined): boolean {
    const urgency = priority ?? messageDefinition(message.type)?.priority ?? priorities.bulk
    const encoded = encodeForSending(message)
    if (encoded.length > limits.messageBytes) return false
    if (urgency === priorities.membership && encoded.length <= settings.looseFrameBytes) {
      if (this.#carrier === undefined || !this.#loose.push(encoded.whole())) return false
    } else if (!this.#outgoing.push(urgency, encoded)) {
      this.#wasRefused = true
      return false
    }
    this.messagesSent++
    if (urgency !== priorities.bulk || !this.#isFull) this.pump()
    return true
  }

  /** The peer has all parts below `number`. False when it cannot have them: they never left. */
  acknowledge(number: number): boolean {
    return this.#outgoing.acknowledge(number)
  }

  /** Another link takes over, or none: it starts from the last part that was acknowledged. */
  use(carrier: Carrier | undefined): void {
    this.#carrier = carrier
    this.#isFull = false
    if (carrier !== undefined) this.#outgoing.rewind(carrier.kind)
  }

  /** While a frame is being delivered its answers gather, and ride in one frame too. */
  hold(): void {
    this.#isHeld = true
  }

  /** Sends what has gathered since `hold`. */
  release(): void {
    this.#isHeld = false
    this.pump()
  }

  /** The link in use has drained. The relay's socket is others' too, and says so after a while though they fill it. */
  drained(): void {
    this.#hasWaited = this.#carrier?.kind === 'relay'
    this.pump()
    this.#hasWaited = false
  }

  /** Sends what there is to send, as far as the link takes it. */
  pump(): void {
    const carrier = this.#carrier
    if (carrier === undefined || this.#isHeld || this.#isEnded) return
    while (!this.#loose.isEmpty && carrier.buffered < settings.looseHighWater) this.#sendLoose(carrier)
    while (carrier.buffered < settings.highWater && this.#sendParts(carrier));
    const { next } = this.#outgoing
    const { buffered } = carrier
    this.#isFull = next === 'full' || (next === 'part' && buffered >= settings.highWater)
    if ((next === 'part' || !this.#loose.isEmpty) && buffered > 0) carrier.awaitDrain()
    if (this.#wasRefused && this.#outgoing.relaxed) {
      this.#wasRefused = false
      this.#events.drained()
    }
  }

  /** Forgets what is on its way, and begins to number anew. */
  forget(): void {
    this.#isFull = false
    this.#outgoing.renumber()
    this.#loose.clear()
  }

  /** Drops what waits for its number. */
  clearWaiting(): void {
    this.#outgoing.clearWaiting()
  }

  end(): void {
    this.#isEnded = true
    this.#overdue?.cancel()
    this.forget()
    this.clearWaiting()
  }

  #sendLoose(carrier: Carrier): void {
    const messages = this.#loose.take()
    carrier.echo()
    carrier.send({ type: 'session.loose', messages })
  }

  /** Sends one frame of parts, if there is one worth sending now. */
  #sendParts(carrier: Carrier): boolean {
    const frame = this.#outgoing.take(carrier.buffered > 0 && !this.#hasWaited)
    if (frame === undefined) return false
    carrier.sendParts({ ...frame, acknowledged: this.#events.reporting() })
    this.#watchOverdue()
    return true
  }

  /** Sees to it that parts which a link lost without closing are sent again, should no gap show it. */
  #watchOverdue(): void {
    if (this.#overdue !== undefined) return
    const { acknowledged } = this.#outgoing
    this.#overdue = this.#runtime.timer(this.#overdueAfter, () => {
      this.#overdue = undefined
      if (this.#outgoing.unacknowledgedBytes === 0 || this.#outgoing.acknowledged !== acknowledged) {
        this.#overdueAfter = settings.overdue
      } else {
        this.#overdueAfter = Math.min(2 * this.#overdueAfter, settings.longestOverdue)
        // What the link itself still holds is slow, not lost.
        if (this.#carrier?.buffered === 0) this.#outgoing.rewind(this.#carrier.kind)
      }
      if (this.#outgoing.unacknowledgedBytes > 0) this.#watchOverdue()
      this.pump()
    })
  }
}
