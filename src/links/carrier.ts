import type { Runtime, Timer } from '../runtime/index.js'
import {
  encodeMessage,
  limits,
  type Message,
  type PartFrame,
  partFrameLength,
  protocolVersion,
  writePartFrame,
} from '../wire/index.js'
import type { Link, LinkEvents, OpenLink } from './link.js'
import { RoundTrips } from './round-trips.js'
import { sessionSettings } from './session-settings.js'

type Hello = Extract<Message, { type: 'session.hello' }>

/** What a carrier tells its session. */
export interface CarrierEvents {
  /** The frame's bytes, from a carrier that is not closed. */
  frame(carrier: Carrier, bytes: Uint8Array): void
  /** The link opened: time to greet. */
  open(carrier: Carrier): void
  drain(carrier: Carrier): void
  /** `carrier.troubled` changed. */
  trouble(carrier: Carrier): void
  close(carrier: Carrier, reason: string): void
}

/** The first wait for an answer to a greeting, in milliseconds; doubled from there. */
const firstRetry = 500
/**
 * A cut may have taken every greeting until now: once it is over two follow within four seconds, of which the network
 * may lose one. Whoever cannot be reached for long is held for dead, and not greeted any more.
 */
const longestRetry = 1_500
/** An echo is asked for at most this often, in milliseconds, beside other traffic. */
const echoEvery = 2_000

/** Where frames are written for links that copy them; what is in it is of no use once `send` has returned. */
const workspace = new Uint8Array(limits.frameBytes)

/**
 * One link as a session sees it: greeted, proven, in doubt, closed, and what went over it.
 *
 * ```text
 *      open            peer's hello          answer to ours
 *   ─────────▶ greeting ─────────▶ greeted (takes) ─────────▶ proven (gives and takes)
 * ```
 */
export class Carrier {
  readonly #runtime: Runtime
  readonly #events: CarrierEvents
  readonly #link: Link
  #isOpen = false
  #isClosed = false
  #isClosedByPeer = false
  #retry: Timer | undefined
  #greetedAt = 0
  #isGreeting = false
  #lastEcho = Number.NEGATIVE_INFINITY
  /** The other end's numbering is known here: its parts are taken. */
  greeted = false
  /** It carries both ways: ours may be sent over it. */
  proven = false
  /** Nothing was heard for some time. */
  troubled = false
  readonly openedAt: number
  readonly roundTrips = new RoundTrips()
  framesSent = 0
  framesReceived = 0
  bytesSent = 0
  bytesReceived = 0

  constructor(runtime: Runtime, open: OpenLink, events: CarrierEvents) {
    this.#runtime = runtime
    this.#events = events
    this.openedAt = runtime.now()
    this.#link = open(this.#linkEvents())
  }

  get kind(): Link['kind'] {
    return this.#link.kind
  }

  get buffered(): number {
    return this.#link.buffered
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isClosed
  }

  /** Whether it was ever open. */
  get hasOpened(): boolean {
    return this.#isOpen
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the other end said that it closes the link. */
  get isClosedByPeer(): boolean {
    return this.#isClosedByPeer
  }

  send(message: Extract<Message, { type: `session.${string}` }>): void {
    if (this.isOpen) this.#write(encodeMessage(message))
  }

  /** Whether there is room for what the peer can have us say as often as it likes: it reads what we said before. */
  get takesAnswers(): boolean {
    return this.buffered < sessionSettings.answerHighWater
  }

  /** Sends what the peer can have us say as often as it likes, unless it does not read what we said before. */
  answer(message: Extract<Message, { type: 'session.hello' | 'session.echo' }>): void {
    if (this.takesAnswers) this.send(message)
  }

  sendParts(frame: PartFrame): void {
    if (!this.isOpen) return
    const length = partFrameLength(frame)
    const bytes = this.#link.copiesFrames ? workspace.subarray(0, length) : new Uint8Array(length)
    writePartFrame(frame, bytes)
    this.#write(bytes)
  }

  /** Whether a greeting of ours waits to be answered. */
  get isGreeting(): boolean {
    return this.#isGreeting
  }

  /** Has `drain` follow, where anything is buffered. */
  awaitDrain(): void {
    this.#link.awaitDrain?.()
  }

  /**
   * Says who we are, again and again until `proven`: the server drops what it cannot deliver, and
   * Chromium, once in a thousand dials of a busy machine, what comes just before a channel is open.
   */
  greet(hello: () => Omit<Hello, 'type' | 'protocol' | 'answer'>): void {
    this.#stopGreeting()
    this.#isGreeting = true
    let wait = firstRetry
    const ask = (): void => {
      if (!this.isOpen) return
      this.#greetedAt = this.#runtime.now()
      this.answer({ type: 'session.hello', protocol: protocolVersion, answer: false, ...hello() })
      this.#retry = this.#runtime.timer(wait * (0.75 + this.#runtime.random() / 2), ask)
      wait = Math.min(2 * wait, longestRetry)
    }
    ask()
  }

  /** Our greeting was answered. */
  prove(): void {
    this.#stopGreeting()
    this.proven = true
    this.roundTrips.add(this.#runtime.now() - this.#greetedAt)
  }

  /** Gives up what was greeted and proven, as the session behind it changed or another link serves. */
  unprove(): void {
    this.#stopGreeting()
    this.proven = false
  }

  /** Measures the round trip beside other traffic; keeps nothing alive. */
  echo(): void {
    const now = this.#runtime.now()
    if (now - this.#lastEcho < echoEvery) return
    this.#lastEcho = now
    this.send({ type: 'session.echo', stamp: Math.floor(now * 1000), answer: false })
  }

  echoed(stamp: number): void {
    const elapsed = this.#runtime.now() - stamp / 1000
    // Anything else is no stamp of ours.
    if (elapsed >= 0 && elapsed < 60_000) this.roundTrips.add(elapsed)
  }

  /** Closes the link, telling the other end why, unless it was the other end that said so. */
  close(reason: string, tell = true): void {
    if (this.#isClosed) return
    if (tell) this.send({ type: 'session.close', reason: reason.slice(0, 128) })
    else this.#isClosedByPeer = true
    this.#link.close(reason)
    this.#gone(reason)
  }

  #write(frame: Uint8Array): void {
    this.framesSent++
    this.bytesSent += frame.length
    this.#link.send(frame)
  }

  #gone(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.greeted = false
    this.proven = false
    this.#stopGreeting()
    this.#events.close(this, reason)
  }

  #stopGreeting(): void {
    this.#isGreeting = false
    this.#retry?.cancel()
  }

  #linkEvents(): LinkEvents {
    return {
      open: () => {
        if (this.#isClosed) return
        this.#isOpen = true
        this.#events.open(this)
      },
      frame: (bytes) => {
        if (this.#isClosed) return
        this.framesReceived++
        this.bytesReceived += bytes.length
        if (this.troubled) {
          this.troubled = false
          this.#events.trouble(this)
        }
        // The handlers of the line above may have closed it.
        if (!this.#isClosed) this.#events.frame(this, bytes)
      },
      drain: () => {
        if (!this.#isClosed) this.#events.drain(this)
      },
      trouble: () => {
        if (this.#isClosed || this.troubled) return
        this.troubled = true
        this.#events.trouble(this)
      },
      close: (reason) => this.#gone(reason),
    }
  }
}
