import { isPlanted, type Runtime } from '../runtime/index.js'
import {
  decodeMessage,
  limits,
  type Message,
  type Priority,
  protocolVersion,
  readPartFrame,
} from '../wire/index.js'
import { Carrier, type CarrierEvents } from './carrier.js'
import { Carriers } from './carriers.js'
import type { OpenLink } from './link.js'
import { type Delivery, Receiver } from './receiver.js'
import type { Refusal } from './refusals.js'
import { Sender } from './sender.js'
import type { SessionEvents } from './session-events.js'

type SessionMessage = Extract<Message, { type: `session.${string}` }>
type Hello = Extract<Message, { type: 'session.hello' }>

/**
 * The numbered streams between this peer and another, over whichever links there are: greets over
 * each, sends by the best that is proven, and carries on where it was when another takes over. Each
 * message arrives exactly once and in order for as long as both ends keep their session.
 *
 * ```text
 *   relay   ──1──2──3──4╳                         (4 is lost with the link)
 *   direct            ──hello(received 3)──4──5──▶
 * ```
 */
export class Session {
  readonly #runtime: Runtime
  readonly #events: SessionEvents
  readonly #nextSession: () => number
  readonly #carriers = new Carriers()
  readonly #sender: Sender
  readonly #receiver: Receiver
  #isEnded = false

  /** Ours and the peer's session; the peer's is 0 until it greeted. */
  #session: number
  #peerSession = 0
  /** Whether any link was proven since the peer's session is known. Until then its greeting may be one that came very late. */
  #isEstablished = false

  /** @param nextSession - gives a greater number at each call, for all sessions of this peer */
  constructor(runtime: Runtime, nextSession: () => number, events: SessionEvents) {
    this.#runtime = runtime
    this.#nextSession = nextSession
    this.#session = nextSession()
    this.#events = events
    this.#sender = new Sender(runtime, {
      reporting: () => this.#receiver.report(),
      drained: () => events.drained(),
    })
    this.#receiver = new Receiver(runtime, {
      ...events,
      acknowledge: () => this.#acknowledge(),
    })
  }

  get carriers(): readonly Carrier[] {
    return this.#carriers.all
  }

  get current(): Carrier | undefined {
    return this.#carriers.current
  }

  /** How often another link took over from one that served. */
  get replacements(): number {
    return this.#carriers.replacements
  }

  /** Bytes that wait or are under way. */
  get queued(): number {
    return this.#sender.bytes
  }

  get unacknowledgedBytes(): number {
    return this.#sender.unacknowledgedBytes
  }

  /** Parts that left again, because their link was lost. */
  get resends(): number {
    return this.#sender.resends
  }

  get messagesSent(): number {
    return this.#sender.messagesSent
  }

  get messagesReceived(): number {
    return this.#receiver.messagesReceived
  }

  /** Adds a link, which is greeted as soon as it opens. */
  attach(open: OpenLink): Carrier {
    const carrier = new Carrier(this.#runtime, open, this.#carrierEvents())
    this.#carriers.add(carrier)
    return carrier
  }

  /** Greets over a link again: to prove one that had stood aside. */
  greet(carrier: Carrier): void {
    carrier.greet(() => this.#hello())
  }

  /** Queues a message. False when it was dropped: its queue is full, it is too long, or it wants a link now. */
  send(message: Message, priority?: Priority): boolean {
    return !this.#isEnded && this.#sender.send(message, priority)
  }

  /** Ends the session and closes its links. */
  end(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const carrier of this.carriers) carrier.close(reason)
    this.#receiver.end()
    this.#sender.end()
  }

  // Receiving.

  #take(carrier: Carrier, bytes: Uint8Array): void {
    if (bytes.length > limits.frameBytes) {
      this.#refuse(carrier, 'frame-too-large')
      return
    }
    let message: Message
    try {
      message = readPartFrame(bytes) ?? decodeMessage(bytes)
    } catch {
      this.#refuse(carrier, 'malformed-frame')
      return
    }
    this.#sender.hold()
    try {
      this.#handle(carrier, message as SessionMessage)
    } finally {
      this.#sender.release()
    }
  }

  #handle(carrier: Carrier, message: SessionMessage): void {
    switch (message.type) {
      case 'session.hello':
        this.#greeted(carrier, message)
        return
      case 'session.close':
        carrier.close(`peer: ${message.reason}`, false)
        return
      case 'session.echo':
        if (message.answer) carrier.echoed(message.stamp)
        else carrier.answer({ type: 'session.echo', stamp: message.stamp, answer: true })
        return
      case 'session.data':
      case 'session.piece':
      case 'session.acknowledge':
      case 'session.loose':
        if (!carrier.greeted) this.#events.refused('ungreeted')
        else this.#takeGreeted(carrier, message)
        return
      default:
        this.#refuse(carrier, 'unexpected-message')
        return
    }
  }

  #takeGreeted(carrier: Carrier, message: Delivery): void {
    if ('acknowledged' in message && !this.#sender.acknowledge(message.acknowledged)) {
      this.#refuse(carrier, 'bad-acknowledgement')
      return
    }
    const refusal = this.#receiver.take(message)
    if (refusal !== undefined) this.#refuse(carrier, refusal)
  }

  #acknowledge(): void {
    // Where it is not heard now the next part says it, or a part that comes again asks for it.
    if (!this.current?.takesAnswers) return
    this.current.send({ type: 'session.acknowledge', acknowledged: this.#receiver.report() })
  }

  // Greeting.

  #hello(): Omit<Hello, 'type' | 'protocol' | 'answer'> {
    return { session: this.#session, peerSession: this.#peerSession, received: this.#receiver.received }
  }

  #greeted(carrier: Carrier, hello: Hello): void {
    if (hello.protocol !== protocolVersion) {
      this.#refuse(carrier, 'protocol-mismatch')
      return
    }
    if (hello.peerSession > this.#session || hello.session === 0) {
      this.#refuse(carrier, 'bad-greeting')
      return
    }
    if (hello.session < this.#peerSession) {
      this.#events.refused('stale-greeting')
      return
    }
    const knowsUs = hello.peerSession === this.#session
    if (hello.session > this.#peerSession) {
      if (hello.peerSession !== 0 && !knowsUs) {
        // It takes us for whom we were. Our own greeting tells it better, unless we take it for whom
        // it was, too: each may have heard an old greeting late, and neither would give in to the other.
        this.#events.refused('stale-greeting')
        if (this.#peerSession !== 0) this.#adopt(carrier, hello.session)
        else if (!hello.answer) this.greet(carrier)
        return
      }
      this.#adopt(carrier, hello.session)
    }
    // Until it knows this session, what it sends may be meant for one before: its numbers say nothing here.
    carrier.greeted = hello.peerSession === this.#session
    if (carrier.greeted && !this.#sender.acknowledge(hello.received)) {
      this.#refuse(carrier, 'bad-acknowledgement')
      return
    }
    if (!hello.answer) this.#answer(carrier)
    else if (!carrier.greeted) this.greet(carrier)
    else if (carrier.isGreeting) {
      // Parts follow, which the peer takes only once it has heard that its session is known here.
      this.#answer(carrier)
      carrier.prove()
      this.#isEstablished = true
      this.#choose()
    }
  }

  #answer(carrier: Carrier): void {
    carrier.answer({ type: 'session.hello', protocol: protocolVersion, answer: true, ...this.#hello() })
  }

  /** The peer has a session that we did not know: it is new here, or has forgotten us. */
  #adopt(carrier: Carrier, peerSession: number): void {
    const isFirst = this.#peerSession === 0
    this.#peerSession = peerSession
    this.#receiver.restart()
    // What was numbered for the one before means nothing to this one.
    if (this.#sender.hasNumbered) {
      this.#session = this.#nextSession()
      this.#sender.forget()
    }
    if (isFirst) return
    for (const other of this.carriers) {
      other.greeted = false
      other.unprove()
      if (other.isOpen && other !== carrier) this.greet(other)
    }
    // What waited for a session that never came about can as well wait for this one.
    const wasEstablished = this.#isEstablished
    if (wasEstablished) {
      this.#isEstablished = false
      this.#sender.clearWaiting()
    }
    this.#choose()
    this.greet(carrier)
    // Last: what is sent by whoever hears this waits for the new session.
    if (wasEstablished) this.#events.reset()
  }

  // Links.

  #choose(): void {
    if (!this.#carriers.choose()) return
    const { current } = this.#carriers
    this.#sender.use(current)
    if (current !== undefined && this.#receiver.isUnreported) this.#acknowledge()
    this.#carriers.retireOthers()
    this.#events.carried(current?.kind ?? 'none')
    this.#sender.pump()
  }

  #refuse(carrier: Carrier, refusal: Refusal): void {
    this.#events.refused(refusal)
    carrier.close(refusal)
  }

  #carrierEvents(): CarrierEvents {
    return {
      open: (carrier) => this.greet(carrier),
      frame: (carrier, bytes) => this.#take(carrier, bytes),
      drain: (carrier) => {
        if (carrier === this.current) this.#sender.drained()
      },
      trouble: (carrier) => {
        const wasCurrent = carrier === this.current
        this.#choose()
        if (wasCurrent || carrier === this.current) this.#events.doubted(carrier.troubled)
      },
      close: (carrier, reason) => {
        this.#carriers.remove(carrier)
        if (isPlanted('ack-before-delivery')) this.#receiver.dropPieces()
        if (!this.#isEnded) this.#choose()
        this.#events.closed(carrier, reason)
      },
    }
  }
}
