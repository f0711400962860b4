import { BadFrame } from '../errors/index.js'
import { isPlanted, type Runtime, type Timer } from '../runtime/index.js'
import {
  decodeMessage,
  encodeMessage,
  limits,
  type Message,
  messageDefinition,
  priorities,
  protocolVersion,
} from '../wire/index.js'
import { Carrier, type CarrierEvents } from './carrier.js'
import { FlowWindow } from './flow-window.js'
import { Inbox } from './inbox.js'
import type { LinkKind, OpenLink } from './link.js'
import { Outbox, type Part } from './outbox.js'
import type { Refusal } from './refusals.js'
import { sessionSettings as settings } from './session-settings.js'

type SessionMessage = Extract<Message, { type: `session.${string}` }>
type Hello = Extract<Message, { type: 'session.hello' }>

/** What a session tells its owner. */
export interface SessionEvents {
  /** One message of the peer: exactly once and in the order of its urgency, unless membership sent it. */
  message(message: Message): void
  /** What carries the session changed; `none` when nothing is proven. */
  carried(kind: LinkKind | 'none'): void
  /** The link in use came into doubt, or out of it. */
  doubted(isTroubled: boolean): void
  /** A link closed, for whatever reason. */
  closed(carrier: Carrier, reason: string): void
  /** After `send` had answered false: there is room again. */
  drained(): void
  refused(refusal: Refusal): void
  /** The peer began anew: what it had not delivered is lost. */
  reset(): void
}

/**
 * The numbered stream between this peer and another, over whichever links there are. Parts are
 * numbered when they first leave and kept until they are acknowledged; a link that takes over
 * starts from the last acknowledged part, and the receiver drops the numbers that it has seen. So
 * each message arrives exactly once and in order for as long as both ends keep their session.
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
  readonly #carriers: Carrier[] = []
  readonly #outbox = new Outbox()
  readonly #inbox = new Inbox()
  #current: Carrier | undefined
  #isEnded = false
  #isDelivering = false
  #wasRefused = false
  #loose: Uint8Array[] = []
  #looseBytes = 0

  /** Ours and the peer's session; the peer's is 0 until it greeted. */
  #session: number
  #peerSession = 0

  /** Parts from `#acknowledged` on that have left, in order. */
  #unacknowledged: Part[] = []
  #unacknowledgedBytes = 0
  #acknowledged = 0
  #sent = 0
  /** The next part to go over the current link. */
  #cursor = 0
  #window: FlowWindow

  #received = 0
  #reported = 0
  #unreportedBytes = 0
  #report: Timer | undefined

  resends = 0
  replacements = 0
  messagesSent = 0
  messagesReceived = 0

  /** @param nextSession - gives a greater number at each call, for all sessions of this peer */
  constructor(runtime: Runtime, nextSession: () => number, events: SessionEvents) {
    this.#runtime = runtime
    this.#nextSession = nextSession
    this.#session = nextSession()
    this.#events = events
    this.#window = this.#newWindow('direct')
  }

  get carriers(): readonly Carrier[] {
    return this.#carriers
  }

  get current(): Carrier | undefined {
    return this.#current
  }

  /** Bytes that wait or are under way. */
  get queued(): number {
    return this.#outbox.bytes + this.#unacknowledgedBytes + this.#looseBytes
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes
  }

  /** Adds a link, which is greeted as soon as it opens. */
  attach(open: OpenLink): Carrier {
    const carrier = new Carrier(this.#runtime, open, this.#carrierEvents())
    this.#carriers.push(carrier)
    return carrier
  }

  /** Greets over a link again: to prove one that had stood aside. */
  greet(carrier: Carrier): void {
    carrier.greet(() => this.#hello())
  }

  /** Queues a message. False when it was dropped: its queue is full, it is too long, or it wants a link now. */
  send(message: Message, priority = messageDefinition(message.type)?.priority ?? priorities.bulk): boolean {
    if (this.#isEnded) return false
    const bytes = encodeMessage(message)
    if (bytes.length > limits.messageBytes) return false
    if (priority === priorities.membership && bytes.length <= settings.pieceBytes)
      return this.#sendLoose(bytes)
    if (!this.#outbox.takes(priority)) {
      this.#wasRefused = true
      return false
    }
    this.#outbox.push(priority, bytes)
    this.messagesSent++
    this.#pump()
    return true
  }

  /** Ends the session and closes its links. */
  end(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const carrier of [...this.#carriers]) carrier.close(reason)
    this.#report?.cancel()
    this.#forget()
    this.#outbox.clear()
  }

  #sendLoose(bytes: Uint8Array): boolean {
    if (this.#current === undefined || this.#looseBytes > (settings.laneBytes[0] as number)) return false
    this.#loose.push(bytes)
    this.#looseBytes += bytes.length
    this.messagesSent++
    this.#pump()
    return true
  }

  // Sending.

  #newWindow(kind: LinkKind): FlowWindow {
    return new FlowWindow(this.#runtime, kind === 'relay' ? settings.relayWindowBytes : settings.windowBytes)
  }

  #pump(): void {
    const carrier = this.#current
    // While a frame is being delivered its answers gather, and ride in one frame too.
    if (carrier === undefined || this.#isDelivering || this.#isEnded) return
    while (this.#loose.length > 0 && carrier.buffered < settings.looseHighWater) this.#sendLooseFrame(carrier)
    while (carrier.buffered < settings.highWater && this.#sendPartFrame(carrier));
    if (this.#wasRefused && this.#outbox.relaxed) {
      this.#wasRefused = false
      this.#events.drained()
    }
  }

  #sendLooseFrame(carrier: Carrier): void {
    const messages: Uint8Array[] = []
    for (let bytes = 0; this.#loose.length > 0; ) {
      bytes += (this.#loose[0] as Uint8Array).length
      if (messages.length > 0 && bytes > settings.pieceBytes) break
      messages.push(this.#loose.shift() as Uint8Array)
    }
    for (const message of messages) this.#looseBytes -= message.length
    carrier.echo()
    carrier.send({ type: 'session.loose', messages })
  }

  /** Sends one frame of parts, if there is one worth sending now. */
  #sendPartFrame(carrier: Carrier): boolean {
    const first = this.#cursor
    // What goes into a busy link can as well wait for company: `drain` follows.
    if (first === this.#sent && carrier.buffered > 0 && this.#outbox.bytes < settings.pieceBytes) {
      if (!this.#outbox.isUrgent) return false
    }
    const messages: Uint8Array[] = []
    for (let bytes = 0; bytes < settings.wholeBytes; ) {
      const part = this.#partAtCursor()
      if (part === undefined) break
      if (part.piece !== undefined) {
        if (messages.length > 0) break
        this.#advance(part)
        this.#acknowledging()
        carrier.send({
          type: 'session.piece',
          number: first,
          acknowledged: this.#received,
          ...part.piece,
          piece: part.bytes,
        })
        return true
      }
      bytes += part.bytes.length
      if (messages.length > 0 && bytes > settings.wholeBytes) break
      messages.push(part.bytes)
      this.#advance(part)
    }
    if (messages.length === 0) return false
    this.#acknowledging()
    carrier.send({ type: 'session.data', first, acknowledged: this.#received, messages })
    return true
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

  #acknowledgedUpTo(number: number): boolean {
    if (number > this.#sent) return false
    const count = number - this.#acknowledged
    if (count <= 0) return true
    for (const part of this.#unacknowledged.splice(0, count)) this.#unacknowledgedBytes -= part.bytes.length
    this.#acknowledged = number
    this.#window.acknowledged(number)
    this.#cursor = Math.max(this.#cursor, number)
    return true
  }

  // Receiving.

  #take(carrier: Carrier, bytes: Uint8Array): void {
    if (bytes.length > limits.frameBytes) {
      this.#refuse(carrier, 'frame-too-large')
      return
    }
    let message: Message
    try {
      message = decodeMessage(bytes)
    } catch {
      this.#refuse(carrier, 'malformed-frame')
      return
    }
    this.#isDelivering = true
    try {
      this.#handle(carrier, message as SessionMessage)
    } finally {
      this.#isDelivering = false
    }
    this.#pump()
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
        else carrier.send({ type: 'session.echo', stamp: message.stamp, answer: true })
        return
      case 'session.data':
      case 'session.piece':
      case 'session.acknowledge':
      case 'session.loose':
        if (!carrier.greeted) {
          this.#events.refused('ungreeted')
          return
        }
        if ('acknowledged' in message && !this.#acknowledgedUpTo(message.acknowledged)) {
          this.#refuse(carrier, 'bad-acknowledgement')
          return
        }
        if (message.type === 'session.data') this.#takeMessages(carrier, message.first, message.messages)
        else if (message.type === 'session.piece') this.#takePiece(carrier, message)
        else if (message.type === 'session.loose')
          for (const body of message.messages) if (!this.#isEnded) this.#deliver(body)
        return
      default:
        this.#refuse(carrier, 'unexpected-message')
        return
    }
  }

  #takeMessages(carrier: Carrier, first: number, messages: readonly Uint8Array[]): void {
    if (first > this.#received) {
      this.#refuse(carrier, 'gap')
      return
    }
    const seen = isPlanted('resend-without-dedupe') ? 0 : this.#received - first
    for (let index = seen; index < messages.length && !this.#isEnded; index++) {
      const body = messages[index] as Uint8Array
      this.#received = Math.max(this.#received, first + index + 1)
      this.#unreportedBytes += body.length
      this.#deliver(body)
    }
    this.#acknowledgeSoon()
  }

  #takePiece(carrier: Carrier, message: Extract<Message, { type: 'session.piece' }>): void {
    const { number, lane, total, offset, piece } = message
    if (number > this.#received) {
      this.#refuse(carrier, 'gap')
      return
    }
    if (number === this.#received) {
      let whole: Uint8Array | undefined
      try {
        whole = this.#inbox.take(lane, total, offset, piece)
      } catch {
        this.#refuse(carrier, 'bad-piece')
        return
      }
      this.#received = number + 1
      this.#unreportedBytes += piece.length
      if (whole !== undefined) this.#deliver(whole)
    }
    this.#acknowledgeSoon()
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

  /** Tells the peer what has been delivered: with the next frame, or soon. */
  #acknowledgeSoon(): void {
    if (this.#received === this.#reported || this.#isEnded) return
    if (this.#unreportedBytes >= settings.acknowledgeBytes) {
      this.#acknowledge()
      return
    }
    this.#report ??= this.#runtime.timer(settings.acknowledgeDelay, () => this.#acknowledge())
  }

  #acknowledge(): void {
    this.#report?.cancel()
    this.#report = undefined
    if (this.#current === undefined) return
    this.#acknowledging()
    this.#current.send({ type: 'session.acknowledge', acknowledged: this.#received })
  }

  /** A frame that is about to leave carries the acknowledgement. */
  #acknowledging(): void {
    this.#report?.cancel()
    this.#report = undefined
    this.#reported = this.#received
    this.#unreportedBytes = 0
  }

  // Greeting.

  #hello(): Omit<Hello, 'type' | 'protocol' | 'answer'> {
    return { session: this.#session, peerSession: this.#peerSession, received: this.#received }
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
        // It takes us for whom we were. Our own greeting tells it better.
        this.#events.refused('stale-greeting')
        if (!hello.answer) this.greet(carrier)
        return
      }
      this.#adopt(carrier, hello.session)
    }
    carrier.greeted = true
    if (hello.peerSession === this.#session && !this.#acknowledgedUpTo(hello.received)) {
      this.#refuse(carrier, 'bad-acknowledgement')
      return
    }
    if (!hello.answer)
      carrier.send({ type: 'session.hello', protocol: protocolVersion, answer: true, ...this.#hello() })
    else if (hello.peerSession !== this.#session) this.greet(carrier)
    else if (!carrier.proven) {
      carrier.prove()
      this.#choose()
    }
  }

  /** The peer has a session that we did not know: it is new here, or has forgotten us. */
  #adopt(carrier: Carrier, peerSession: number): void {
    const isReset = this.#peerSession !== 0
    this.#peerSession = peerSession
    this.#received = 0
    this.#reported = 0
    this.#unreportedBytes = 0
    this.#inbox.clear()
    // What was numbered for the one before means nothing to this one.
    if (this.#sent > 0) {
      this.#session = this.#nextSession()
      this.#forget()
    }
    if (!isReset) return
    for (const other of this.#carriers) {
      other.greeted = false
      other.unprove()
      if (other.isOpen && other !== carrier) this.greet(other)
    }
    this.#outbox.clear()
    this.#events.reset()
    this.#choose()
    this.greet(carrier)
  }

  #forget(): void {
    this.#unacknowledged = []
    this.#unacknowledgedBytes = 0
    this.#acknowledged = 0
    this.#sent = 0
    this.#cursor = 0
    this.#loose = []
    this.#looseBytes = 0
  }

  // Links.

  /** Takes the best link that is proven: direct, then relay, then a direct one in doubt. */
  #choose(): void {
    let best: Carrier | undefined
    for (const carrier of this.#carriers)
      if (carrier.proven && (best === undefined || rank(carrier) >= rank(best))) best = carrier
    const before = this.#current
    if (best === before) return
    this.#current = best
    if (best !== undefined) {
      if (before !== undefined) this.replacements++
      this.#cursor = this.#acknowledged
      this.#window = this.#newWindow(best.kind)
      if (this.#received !== this.#reported) this.#acknowledge()
      if (best.kind !== 'relay' && !best.troubled) this.#retireOthers(best)
    }
    this.#events.carried(best?.kind ?? 'none')
    this.#pump()
  }

  /** A direct link serves: others like it are closed, and the relay stands aside but still takes. */
  #retireOthers(best: Carrier): void {
    for (const carrier of [...this.#carriers]) {
      if (carrier === best) continue
      if (carrier.kind === 'relay') carrier.unprove()
      else if (carrier.proven) carrier.close('replaced')
    }
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
        if (carrier === this.#current) this.#pump()
      },
      trouble: (carrier) => {
        const wasCurrent = carrier === this.#current
        this.#choose()
        if (wasCurrent || carrier === this.#current) this.#events.doubted(carrier.troubled)
      },
      close: (carrier, reason) => {
        const index = this.#carriers.indexOf(carrier)
        if (index !== -1) this.#carriers.splice(index, 1)
        if (isPlanted('ack-before-delivery')) this.#inbox.clear()
        if (!this.#isEnded) this.#choose()
        this.#events.closed(carrier, reason)
      },
    }
  }
}

function rank(carrier: Carrier): number {
  if (carrier.kind === 'relay') return 2
  return carrier.troubled ? 1 : 3
}
