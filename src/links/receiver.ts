import { BadFrame } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import { decodeMessage, type Message } from '../wire/index.js'
import { IncomingStream } from './incoming-stream.js'
import type { Refusal } from './refusals.js'

/** What travels within a session, once both ends know it. */
export type Delivery = Extract<
  Message,
  { type: 'session.data' | 'session.piece' | 'session.loose' | 'session.acknowledge' }
>

/** What a receiver tells its session. */
export interface ReceiverEvents {
  /** One message, exactly once and in the order of its urgency, unless membership sent it. */
  message(message: Message): void
  /** A message came that is none, or is not for peers. */
  refused(refusal: Refusal): void
  /** The peer should hear now how much has come. */
  acknowledge(): void
}

/** The receiving half of a session: hands on what comes in frames, each message once, decoded. */
export class Receiver {
  readonly #runtime: Runtime
  readonly #events: ReceiverEvents
  readonly #incoming: IncomingStream
  #isEnded = false
  messagesReceived = 0

  constructor(runtime: Runtime, events: ReceiverEvents) {
    this.#runtime = runtime
    this.#events = events
    this.#incoming = new IncomingStream(runtime, {
      deliver: (body) => this.#deliver(body),
      acknowledge: () => events.acknowledge(),
    })
  }

  /** How many of the peer's parts have come. */
  get received(): number {
    return this.#incoming.received
  }

  /** Whether the peer has not heard of all that has come. */
  get isUnreported(): boolean {
    return this.#incoming.isUnreported
  }

  /** How many of the peer's parts have come; the frame that is about to leave says so. */
  report(): number {
    this.#incoming.reported()
    return this.#incoming.received
  }

  /** Takes what came in one frame. Answers why not, where it refuses. */
  take(frame: Delivery): Refusal | undefined {
    switch (frame.type) {
      case 'session.data':
        return this.#incoming.takeMessages(frame.first, frame.messages)
      case 'session.piece':
        return this.#incoming.takePiece(frame)
      case 'session.loose':
        for (const body of frame.messages) if (!this.#isEnded) this.#deliver(body)
        return undefined
      // It says nothing but what the sender has to hear.
      case 'session.acknowledge':
        return undefined
    }
  }

  /** The peer numbers anew. */
  restart(): void {
    this.#incoming.restart()
  }

  /** Drops the pieces of messages that are not whole. */
  dropPieces(): void {
    this.#incoming.dropPieces()
  }

  /** Takes and says nothing more. */
  end(): void {
    this.#isEnded = true
    this.#incoming.close()
  }

  #deliver(body: Uint8Array): void {
    let message: Message
    try {
      message = decodeMessage(body)
      if (message.type.startsWith('session.') || message.type.startsWith('signal.'))
        throw new BadFrame('not for peers')
    } catch {
      this.#events.refused('bad-message')
      return
    }
    this.messagesReceived++
    try {
      this.#events.message(message)
    } catch (error) {
      // The fault of whoever takes the message; the stream and its numbers go on.
      this.#runtime.log('error', `the receiver of ${message.type} threw`, { error })
    }
  }
}
