import type { Runtime, VirtualTime } from '../../runtime/index.js'
import { EncodedMessage, type Part, priorities } from '../../wire/index.js'
import { IncomingStream } from '../incoming-stream.js'
import type { LinkKind } from '../link.js'
import { OutgoingStream } from '../outgoing-stream.js'

/** What a way is like. Both may be changed while it is in use. */
export interface WayOptions {
  /** Milliseconds there and back, for what has it for itself. */
  trip: number
  /** Bytes a millisecond that it carries towards the receiver. */
  rate: number
}

/** A stream of bulk that never ends over a way of one speed and one length, with urgent messages in between. */
export class Way implements WayOptions {
  trip: number
  rate: number
  /** Bytes of an urgent message. */
  urgentBytes = 64
  /** Bytes of bulk that have come. */
  delivered = 0
  /** For each urgent message that has come, the milliseconds by which it was later than with the way for itself. */
  readonly waits: number[] = []
  /** The longest frame since this was last set to 0. */
  longestFrame = 0
  readonly #time: VirtualTime
  readonly #runtime: Runtime
  readonly #outgoing: OutgoingStream
  readonly #incoming: IncomingStream
  readonly #bulk: EncodedMessage
  readonly #urgentSentAt: number[] = []
  /** When what is on the way has all left. */
  #free = 0

  constructor(time: VirtualTime, options: WayOptions, bulkBytes = 16 * 1024, kind: LinkKind = 'direct') {
    this.#time = time
    this.#runtime = time.runtime('way')
    this.trip = options.trip
    this.rate = options.rate
    this.#bulk = new EncodedMessage(new Uint8Array(bulkBytes))
    this.#outgoing = new OutgoingStream(this.#runtime)
    this.#outgoing.rewind(kind)
    this.#incoming = new IncomingStream(this.#runtime, {
      deliver: (body) => this.#deliver(body.length),
      acknowledge: () => this.#acknowledge(),
    })
    this.#pump()
  }

  get underWay(): number {
    return this.#outgoing.unacknowledgedBytes
  }

  /** Sends an urgent message, which is answered at once. */
  urgent(): void {
    this.#urgentSentAt.push(this.#time.now)
    this.#outgoing.push(priorities.control, new EncodedMessage(new Uint8Array(this.urgentBytes)))
    this.#pump()
  }

  /** Lets time go by with an urgent message every `pause` milliseconds. Answers how much of its speed bulk had. */
  pass(milliseconds: number, pause = Number.POSITIVE_INFINITY): number {
    const before = this.delivered
    for (let left = milliseconds; left > 0; left -= pause) {
      if (pause < milliseconds) this.urgent()
      this.#time.advance(Math.min(left, pause))
    }
    return (this.delivered - before) / (milliseconds * this.rate)
  }

  #pump(): void {
    while (this.#outgoing.bytes < 2_000_000 && this.#outgoing.push(priorities.bulk, this.#bulk));
    for (let frame = this.#outgoing.take(false); frame !== undefined; frame = this.#outgoing.take(false)) {
      const { first, parts } = frame
      const bytes = parts.reduce((sum, { start, end }) => sum + end - start, 0)
      this.longestFrame = Math.max(this.longestFrame, bytes)
      this.#free = Math.max(this.#free, this.#time.now) + bytes / this.rate
      this.#runtime.timer(this.#free - this.#time.now + this.trip / 2, () => this.#take(first, parts))
    }
  }

  #take(first: number, parts: readonly Part[]): void {
    const [{ lane, message, start, end }] = parts as readonly [Part]
    if (lane === undefined) {
      this.#incoming.takeMessages(
        first,
        parts.map((part) => part.message.whole()),
      )
      return
    }
    const piece = new Uint8Array(end - start)
    const kind = { type: 'session.piece', acknowledged: 0 } as const
    this.#incoming.takePiece({ ...kind, number: first, lane, total: message.length, offset: start, piece })
  }

  #deliver(bytes: number): void {
    if (bytes === this.#bulk.length) {
      this.delivered += bytes
      return
    }
    const sentAt = this.#urgentSentAt.shift() as number
    this.waits.push(this.#time.now - sentAt - this.trip / 2 - bytes / this.rate)
    this.#acknowledge()
  }

  #acknowledge(): void {
    this.#incoming.reported()
    const { received } = this.#incoming
    this.#runtime.timer(this.trip / 2, () => {
      this.#outgoing.acknowledge(received)
      this.#pump()
    })
  }
}
