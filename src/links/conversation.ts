import { isPlanted, type Timer } from '../runtime/index.js'
import { encodeMessage, type PeerId } from '../wire/index.js'
import { isCaller } from './caller.js'
import type { Carrier } from './carrier.js'
import type { DialedLink } from './direct-link.js'
import type { LinkKind } from './link.js'
import { RelayLink } from './relay-link.js'
import { Session } from './session.js'
import type { SessionEvents } from './session-events.js'
import type { Surroundings } from './surroundings.js'

/** What a conversation tells its owner, beside what its session says. */
export interface ConversationEvents extends SessionEvents {
  dialed(): void
  dialFailed(reason: string): void
}

/**
 * A dial that has not opened by then never will, in milliseconds: a page of 32 others forms its
 * mesh in 9 s, and ICE itself gives up after about 16 s.
 */
const dialTimeout = 15_000
/** An open link must be proven within this, in milliseconds: one round trip, on a busy machine. */
const proofTimeout = 10_000
/**
 * What a dial said before anything came through is not said again. In milliseconds from when the relay carries both ways,
 * as when a cut is over: an answer takes a round trip of it and a moment of the other page. Doubled with every dial that
 * failed, as a machine may be so busy that its pages need longer.
 */
const answerTimeout = 3_000
/** Waits between dials, in milliseconds: full jitter over a range that doubles, above a floor. */
const backoff = { floor: 250, first: 1_000, longest: 60_000 }
/** A direct link that held this long, in milliseconds, lets the waits begin anew. */
const steadyAfter = 20_000
/** How long a link in doubt may take to come back before another is dialled, in milliseconds. */
const doubtBeforeDial = 1_000
/** The wait before a relay link that one end closed, for its frames or as it held the other for dead, is opened again, in milliseconds. */
const relayReopen = 5_000

/** Payloads of a dial that are taken from the other end: a description, and candidates of all its addresses, of which few hosts have a dozen. */
const mostPayloads = 128

/** Why a dial ends that the other end gave up. */
const givenUp = 'given up by the other end'

interface Dial {
  readonly number: number
  readonly link: DialedLink
  readonly carrier: Carrier
  /** Ends it when it has not opened in time, or was not proven. */
  timer: Timer
  /** Ends it when nothing of it was answered in time. */
  answer: Timer | undefined
  /** Payloads of the other end that were taken. */
  answers: number
}

/** The links with one peer and the session over them: who dials, when, and what serves meanwhile. */
export class Conversation {
  readonly remote: PeerId
  readonly session: Session
  readonly #around: Surroundings
  readonly #events: ConversationEvents
  readonly #isCaller: boolean
  #isClosed = false
  #relay: { link: RelayLink; carrier: Carrier } | undefined
  #dial: Dial | undefined
  #dialNumber = 0
  #failures = 0
  /** Whether anything ever came from the other end. */
  #isHeard = false
  #next: Timer | undefined
  #relayTimer: Timer | undefined
  /** Whether the relay was closed for what came over it, so that more of it is not heard for a while. */
  #isRelayRefused = false
  #lastRequest = Number.NEGATIVE_INFINITY

  constructor(remote: PeerId, around: Surroundings, events: ConversationEvents) {
    this.remote = remote
    this.#around = around
    this.#events = events
    this.#isCaller = isCaller(around.self, remote)
    this.session = new Session(around.runtime, around.nextNumber, {
      ...events,
      carried: (kind) => {
        this.#carried(kind)
        events.carried(kind)
      },
      doubted: (isTroubled) => {
        this.#doubted(isTroubled)
        events.doubted(isTroubled)
      },
      closed: (carrier, reason) => {
        this.#linkClosed(carrier, reason)
        events.closed(carrier, reason)
      },
    })
    if (around.signaling.connected) this.signalingConnected()
  }

  /** The link that serves. */
  get kind(): LinkKind | 'none' {
    return this.session.current?.kind ?? 'none'
  }

  get isDialing(): boolean {
    return this.#dial !== undefined
  }

  signalingConnected(): void {
    if (this.#isClosed) return
    if (!this.#hasDirect || this.session.current?.troubled) this.#openRelay()
    this.#dialSoon(0)
  }

  signalingLost(): void {
    this.#cancelReopening()
    this.#relay?.carrier.close('signalling lost')
  }

  relayed(frame: Uint8Array): void {
    if (this.#around.relay === 'never') return
    this.#heard()
    // The other end uses the relay though we may not need it, or it closed it before: it knows why.
    if (this.#relay === undefined && !(this.#relayTimer !== undefined && this.#isRelayRefused)) {
      this.#cancelReopening()
      this.#openRelay()
    }
    this.#relay?.link.receive(frame)
  }

  /**
   * Part of a dial, as its `session.dial` said.
   * @returns false where it is none, or one of too many
   */
  offered(number: number, payload: Uint8Array): boolean {
    if (this.#isClosed || this.#around.direct === undefined || this.#around.relay === 'only') return true
    this.#heard()
    if (number === 0) {
      if (!this.#isCaller || payload.length !== 0) return false
      if (!this.#hasDirect) this.#dialSoon(0)
      else if (this.#dial === undefined) this.#start()
      return true
    }
    if (payload.length === 0) {
      const dial = this.#dial
      if (dial?.number === number && !dial.carrier.isOpen) dial.carrier.close(givenUp)
      if (this.#isCaller) return number <= this.#dialNumber
      // Its offer may have been lost, or never have left; should it come yet, it is too late.
      this.#dialNumber = Math.max(this.#dialNumber, number)
      return true
    }
    if (this.#isCaller) {
      return this.#dial?.number === number ? this.#signal(this.#dial, payload) : number <= this.#dialNumber
    }
    if (number > this.#dialNumber) {
      if (!this.#around.gate.answer()) return false
      this.#dial?.carrier.close('dialled again')
      this.#dialNumber = number
      this.#open(number)
    }
    return this.#dial?.number !== number || this.#signal(this.#dial, payload)
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#next?.cancel()
    this.#relayTimer?.cancel()
    this.#around.gate.leave(this.remote)
    this.session.end(reason)
  }

  /** The other end is there. */
  #heard(): void {
    if (this.#isHeard) return
    this.#isHeard = true
    this.#around.gate.heard(this.remote)
  }

  /** A direct link is proven and not in doubt. */
  get #hasDirect(): boolean {
    const current = this.session.current
    return current !== undefined && current.kind !== 'relay' && !current.troubled
  }

  // The relay.

  #openRelay(): void {
    const { relay, signaling, runtime } = this.#around
    if (this.#isClosed || relay === 'never' || !signaling.connected || this.#relayTimer !== undefined) return
    if (this.#relay !== undefined) {
      if (!this.#relay.carrier.proven) this.session.greet(this.#relay.carrier)
      return
    }
    let link: RelayLink | undefined
    const carrier = this.session.attach((events) => {
      link = new RelayLink(runtime, signaling, this.remote, events)
      return link
    })
    if (link !== undefined) this.#relay = { link, carrier }
  }

  #cancelReopening(): void {
    this.#relayTimer?.cancel()
    this.#relayTimer = undefined
  }

  // Dials.

  #dialSoon(wait: number): void {
    const { direct, relay, runtime, signaling, gate } = this.#around
    if (this.#isClosed || direct === undefined || relay === 'only' || !signaling.connected) return
    this.#next?.cancel()
    this.#next = runtime.timer(wait, () => {
      this.#next = undefined
      if (this.#isClosed || this.#hasDirect || this.#dial !== undefined || !signaling.connected) return
      if (this.#isCaller) gate.enter(this.remote, this.#isHeard, () => this.#start())
      else this.#askForDial()
    })
  }

  /** The caller may not have noticed that a dial is needed. It dials by itself when both are new. */
  #askForDial(): void {
    const now = this.#around.runtime.now()
    if (this.#dialNumber > 0 && now - this.#lastRequest >= backoff.first) {
      this.#lastRequest = now
      this.#say(0)
    }
  }

  #start(): void {
    if (this.#isClosed || this.#hasDirect || this.#dial !== undefined || !this.#around.signaling.connected) {
      this.#around.gate.leave(this.remote)
      return
    }
    this.#dialNumber = this.#around.nextNumber()
    this.#open(this.#dialNumber)
    if (isPlanted('upgrade-drops-relay')) this.#relay?.carrier.close('upgrade')
  }

  #open(number: number): void {
    const { direct, runtime, signaling } = this.#around
    if (direct === undefined) return
    let link: DialedLink | undefined
    const signal = (payload: Uint8Array): void =>
      signaling.sendOffer(this.remote, encodeMessage({ type: 'session.dial', dial: number, payload }))
    let carrier: Carrier
    try {
      carrier = this.session.attach((events) => {
        link = direct(this.remote, this.#isCaller, this.#around.iceServers(), signal, events, number)
        return link
      })
    } catch (error) {
      // Where the platform cannot make another connection, as at Chromium's limit of 500 a page.
      this.#failures++
      this.#giveUp(number)
      this.#endDial()
      this.#events.dialFailed(error instanceof Error ? error.message : 'cannot dial')
      this.#dialSoon(this.#wait())
      return
    }
    if (link === undefined) return
    const timer = runtime.timer(dialTimeout, () => {
      if (!carrier.isOpen) return carrier.close('dial timed out')
      if (this.#dial !== undefined)
        this.#dial.timer = runtime.timer(proofTimeout, () => carrier.close('unproven'))
    })
    this.#dial = { number, link, carrier, timer, answer: undefined, answers: 0 }
    this.#events.dialed()
  }

  /** What is too much for one dial is not taken: what a connection is told before it is ready waits in it. */
  #signal(dial: Dial, payload: Uint8Array): boolean {
    if (dial.answers >= mostPayloads) return false
    dial.answers++
    dial.link.signal(payload)
    return true
  }

  #carried(kind: LinkKind | 'none'): void {
    if (this.#dial !== undefined && this.#dial.carrier === this.session.current) this.#endDial()
    if (kind === 'none') {
      this.#openRelay()
      this.#dialSoon(this.#wait())
    }
    const dial = this.#dial
    if (kind !== 'relay' || dial === undefined || !this.#isCaller) return
    dial.answer ??= this.#around.runtime.timer(answerTimeout * 2 ** Math.min(this.#failures, 3), () => {
      if (dial.answers === 0) dial.carrier.close('no answer')
    })
  }

  #doubted(isTroubled: boolean): void {
    if (!isTroubled) return
    this.#openRelay()
    this.#dialSoon(doubtBeforeDial * (1 + this.#around.runtime.random()))
  }

  #linkClosed(carrier: Carrier, reason: string): void {
    if (carrier === this.#relay?.carrier) {
      this.#relay = undefined
      if (this.#isClosed) return
      // Without the server there is nothing to open, and with its return `signalingConnected` does.
      if (!this.#around.signaling.connected) return
      this.#isRelayRefused = !carrier.isClosedByPeer
      this.#relayTimer = this.#around.runtime.timer(relayReopen, () => {
        this.#relayTimer = undefined
        if (!this.#hasDirect) this.#openRelay()
      })
      return
    }
    // A link that breaks as soon as it is made is no better than one that cannot be made.
    this.#failures = this.#around.runtime.now() - carrier.openedAt < steadyAfter ? this.#failures + 1 : 0
    if (this.#dial !== undefined && carrier === this.#dial.carrier) {
      if (!carrier.hasOpened && reason !== givenUp) this.#giveUp(this.#dial.number)
      this.#endDial()
      this.#events.dialFailed(reason)
    }
    if (this.#isClosed || this.#hasDirect) return
    this.#openRelay()
    this.#dialSoon(this.#wait())
  }

  /** One end often knows at once that a dial came to nothing, where the other would wait for its time-out. */
  #giveUp(number: number): void {
    this.#say(number)
  }

  /** An empty part of a dial: that it is given up; of none, that one is asked for. */
  #say(number: number): void {
    const empty = encodeMessage({ type: 'session.dial', dial: number, payload: new Uint8Array(0) })
    this.#around.signaling.sendOffer(this.remote, empty)
  }

  #endDial(): void {
    this.#dial?.timer.cancel()
    this.#dial?.answer?.cancel()
    this.#dial = undefined
    this.#around.gate.leave(this.remote)
  }

  #wait(): number {
    const range = Math.min(backoff.longest, backoff.first * 2 ** Math.min(this.#failures, 10))
    return backoff.floor + this.#around.runtime.random() * range
  }
}
