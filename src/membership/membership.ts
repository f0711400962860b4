import { isPlanted, type Runtime, type Timer } from '../runtime/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import { Beliefs } from './beliefs.js'
import type { Claim, MembershipMessage } from './claim.js'
import {
  JOIN_SYNCS,
  LATE_TIMER,
  PROBE_PERIOD,
  SYNC_PERIOD,
  WAKE_PERIODS,
  WAKE_SILENCE,
  WAKE_SYNCS,
} from './constants.js'
import { Errands } from './errands.js'
import { Greetings } from './greetings.js'
import { Hearsay } from './hearsay.js'
import { OwnWord } from './own-word.js'
import { type Member, NO_PROBE, type Peer } from './peer.js'
import { Prober } from './prober.js'
import { PushPull } from './push-pull.js'
import { DEAD, isGone, isSuspected, LEFT } from './standing.js'
import { Verdicts } from './verdicts.js'

export interface MembershipEvents {
  /**
   * What is believed of a peer changed: its state, its incarnation, or that it is known at all.
   * Called when the change is complete; membership may be called from inside.
   *
   * A peer that was `dead` may be seen again, with a higher incarnation: it was only cut off or asleep.
   *
   * @param before - as it was; undefined for a peer that was not known
   */
  change(member: Member, before: Member | undefined): void
}

export interface MembershipOptions {
  runtime: Runtime
  self: PeerInfo
  /** Sends a message; may drop it. Must not call back before it returns. */
  send(to: PeerId, message: MembershipMessage): void
  /** Sends a message by way of the signalling server, for the second try of a probe; without, there is none. */
  sendRelayed?: (to: PeerId, message: MembershipMessage) => void
  events: MembershipEvents
}

/**
 * Who is here: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2018) and
 * the rules that pages need, which sleep without notice: see DESIGN.md, section Membership.
 *
 * Deterministic and synchronous, with one timer. Time-outs of probes are looked at with every
 * message that arrives as well, which is more often than a timer for each would be worth.
 *
 * A death is not for ever. A peer that learns that it is held for dead raises its incarnation and
 * says so to all; those who held it for dead see it `alive` again. So that it learns of it, each
 * peer calls one of its dead every period (for `KNOCK_TIME`), and answers whatever a dead peer sends
 * with the news of its death. A claim of the same incarnation never revives anyone.
 *
 * @example
 * ```ts
 * const membership = new Membership({ runtime, self, send, events: { change: follow } })
 * membership.start()
 * membership.introduce(other.id)   // and when the ranges are held:
 * membership.ready()
 * ```
 */
export class Membership {
  readonly #runtime: Runtime
  readonly #beliefs: Beliefs
  readonly #prober: Prober
  readonly #errands: Errands
  readonly #verdicts: Verdicts
  readonly #greetings: Greetings
  readonly #ownWord: OwnWord
  readonly #hearsay: Hearsay
  readonly #pushPull: PushPull
  readonly #onTimer = (): void => this.#timerFired()

  #stage: 'new' | 'running' | 'stopped' = 'new'
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  /** When this peer last did anything: a long gap means that it slept. */
  #awakeAt = 0
  #wokeAt = Number.NEGATIVE_INFINITY
  #nextPeriod = 0
  #nextProbe = 0
  #nextSync = 0
  #joinSyncs = 0

  constructor({ runtime, self, send, sendRelayed, events }: MembershipOptions) {
    this.#runtime = runtime
    const changed = (member: Member, before: Member | undefined): void => events.change(member, before)
    this.#beliefs = new Beliefs({ runtime, self, send, changed })
    this.#prober = new Prober(this.#beliefs, sendRelayed, (peer, now) => this.#verdicts.failed(peer, now))
    this.#errands = new Errands(this.#beliefs, this.#prober)
    this.#verdicts = new Verdicts(this.#beliefs, this.#prober)
    this.#greetings = new Greetings(this.#beliefs)
    this.#ownWord = new OwnWord(this.#beliefs, this.#prober, this.#greetings)
    this.#pushPull = new PushPull(this.#beliefs, (claim, from) => this.#hearsay.merge(claim, from, true))
    this.#hearsay = new Hearsay(this.#beliefs, this.#verdicts, this.#greetings, this.#ownWord, (from, now) =>
      this.#pushPull.lacks(from, now),
    )
  }

  /** Begins to probe and to answer, as `joining`. Idempotent. */
  start(): void {
    if (this.#stage !== 'new') return
    this.#stage = 'running'
    const now = this.#runtime.now()
    this.#awakeAt = now
    this.#beliefs.changedAt = now
    // By chance, so that peers that start together do not probe together.
    this.#nextPeriod = now + PROBE_PERIOD * this.#runtime.random()
    this.#nextProbe = this.#nextPeriod
    this.#nextSync = now + SYNC_PERIOD * (0.5 + this.#runtime.random())
    this.#arm(now)
  }

  /** Stops for good, without a word to the others. Nothing is sent or called from then on. */
  stop(): void {
    this.#stage = 'stopped'
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /**
   * Somebody says that the peer `id` is here: greet it until it answers, or 30 s have passed. It becomes a
   * member only by its own answer; a dead one only by a higher incarnation.
   */
  introduce(id: PeerId): void {
    const { self, table, gone } = this.#beliefs
    if (this.#stage !== 'running' || id === self.id || table.get(id) !== undefined) return
    if (gone.get(id)?.standing === LEFT) return
    this.#greetings.introduce(id)
  }

  /** A link to `id` has opened: what waited for it can be said now. */
  opened(id: PeerId): void {
    const { self, table, gone } = this.#beliefs
    if (this.#stage !== 'running' || id === self.id) return
    const peer = table.get(id)
    if (peer !== undefined) {
      if (isSuspected(peer.standing)) this.#prober.call(peer)
    } else if (gone.get(id)?.standing === DEAD) this.#greetings.greet(id, true)
    else if (gone.get(id) === undefined) this.#greetings.introduce(id)
  }

  /** An authenticated frame of any kind came from `from`: it is there. */
  heard(from: PeerId): void {
    if (this.#stage !== 'running') return
    const now = this.#runtime.now()
    this.#catchUp(now)
    const peer = this.#beliefs.table.get(from)
    if (peer !== undefined) this.#heard(peer, now, false)
  }

  /** A message of a peer, decoded and checked against its schema. Counts as {@link heard}. */
  receive(from: PeerId, message: MembershipMessage): void {
    const { table, self, queue } = this.#beliefs
    if (this.#stage !== 'running' || from === self.id) return
    const now = this.#runtime.now()
    this.#catchUp(now)
    const peer = table.get(from)
    if (peer !== undefined) {
      const isAck = message.type === 'membership.ack' && message.sequence === peer.probeSequence
      if (isAck) this.#prober.measure(peer, now)
      this.#heard(peer, now, isAck)
    }
    this.#handle(from, peer, message, now)
    const isHere = peer !== undefined && !isGone(peer.standing)
    if (!isHere && table.get(from) === undefined) this.#greetings.stranger(from, now)
    this.#prober.expire(now)
    const isUrgent = this.#prober.due < this.#timerAt || this.#errands.due < this.#timerAt
    if (isUrgent || (!queue.isEmpty && this.#beliefs.nextGossip < this.#timerAt)) this.#arm(now)
  }

  /** A link to `id`, or its socket at the signalling server, closed. It is probed for it, and nothing else. */
  hint(id: PeerId): void {
    const peer = this.#beliefs.table.get(id)
    if (this.#stage !== 'running' || peer === undefined || peer === this.#beliefs.self) return
    const now = this.#runtime.now()
    this.#catchUp(now)
    this.#verdicts.hint(peer, now)
    this.#arm(now)
  }

  /**
   * What the signalling server says of a peer's socket. With two peers it is the third witness: while it
   * has a socket of the silent one, nobody is buried in haste. With more it is not heard.
   */
  witness(id: PeerId, socketOpen: boolean): void {
    const peer = this.#beliefs.table.get(id)
    if (peer !== undefined) peer.socketOpen = socketOpen
  }

  /** This peer holds its ranges: `joining` becomes `alive`, or `parked` where the page is hidden. */
  ready(): void {
    if (this.#stage !== 'running') return
    this.#ownWord.ready()
    this.#arm(this.#runtime.now())
  }

  /** The page is hidden: `alive` becomes `parked`, at once, as the page may be frozen next. */
  park(): void {
    if (this.#stage === 'stopped') return
    this.#ownWord.park()
    if (this.#stage === 'running') this.#arm(this.#runtime.now())
  }

  /** The page is seen again: `parked` becomes `alive`, later if it has come and gone too often. */
  unpark(): void {
    if (this.#stage === 'stopped') return
    this.#ownWord.unpark()
    if (this.#stage === 'running') this.#arm(this.#runtime.now())
  }

  /** The page may have slept: ask what happened before judging anyone. */
  woke(): void {
    if (this.#stage !== 'running') return
    const now = this.#runtime.now()
    this.#catchUp(now)
    this.#wake(now)
    this.#arm(now)
  }

  /** This peer is about to go of its own will. */
  leaving(): void {
    if (this.#stage !== 'running') return
    this.#ownWord.leaving()
    this.#arm(this.#runtime.now())
  }

  /** This peer goes now: tells everybody, before it returns, and stops. */
  left(): void {
    if (this.#stage !== 'running') return
    this.#ownWord.left()
    this.stop()
  }

  /** All peers that are here, this one included, in the order of their ids. */
  members(): Member[] {
    const peers = [...this.#beliefs.table.circle].sort((a, b) => (a.id < b.id ? -1 : 1))
    return peers.map((peer) => peer.member())
  }

  /** One peer, also a dead or departed one for as long as it is remembered. */
  member(id: PeerId): Member | undefined {
    const peer = this.#beliefs.table.get(id) ?? this.#beliefs.gone.get(id)
    return peer?.isKnown ? peer.member() : undefined
  }

  /** Digest of all that this peer believes of those who are here; equal at two peers that believe the same. */
  get digest(): number {
    return this.#beliefs.table.digest
  }

  /** Lifeguard's local health multiplier: 1 when all is well, up to 8 when this peer itself seems to be at fault. */
  get health(): number {
    return this.#prober.health
  }

  #handle(from: PeerId, peer: Peer | undefined, message: MembershipMessage, now: number): void {
    switch (message.type) {
      case 'membership.ping': {
        this.#learn(message.news, from)
        const news = this.#beliefs.newsFor(peer)
        this.#beliefs.send(from, { type: 'membership.ack', sequence: message.sequence, news })
        if (message.digest !== this.digest) this.#pushPull.differs(from, now)
        return
      }
      case 'membership.ack': {
        const helped =
          peer?.probeSequence === message.sequence ? undefined : this.#prober.helped(message.sequence)
        if (helped !== undefined) this.#heard(helped, now, true)
        if (peer !== undefined && !this.#errands.isEmpty) this.#errands.answered(peer, message.sequence)
        this.#learn(message.news, from)
        return
      }
      case 'membership.probe':
        this.#learn(message.news, from)
        this.#errands.run(from, message.sequence, message.target, now)
        return
      case 'membership.nack': {
        const helped = this.#prober.helped(message.sequence)
        if (helped !== undefined) helped.nacks++
        return
      }
      case 'membership.gossip':
        this.#learn(message.news, from)
        return
      case 'membership.hello':
        this.#learn(message.news, from)
        if (message.answer) this.#greetings.greet(from, false)
        else if (this.#joinSyncs < JOIN_SYNCS && this.#beliefs.table.get(from) !== undefined) {
          this.#joinSyncs++
          this.#pushPull.start(from, now)
        }
        return
      case 'membership.sync':
        this.#learn(message.news, from)
        this.#pushPull.compare(from, message.digests)
        return
      case 'membership.table':
        this.#pushPull.receive(from, message)
    }
  }

  #learn(news: readonly Claim[], from: PeerId): void {
    for (const claim of news) this.#hearsay.merge(claim, from, false)
  }

  /** @param isAck - whether it answers the latest probe, and was thus sent after it */
  #heard(peer: Peer, now: number, isAck: boolean): void {
    peer.heardAt = now
    if (this.#verdicts.isTooEarly(peer, isAck, now)) return
    peer.probe = NO_PROBE
    peer.forgetHint()
  }

  // Time.

  #arm(now: number): void {
    if (this.#stage !== 'running') return
    const { queue, nextGossip } = this.#beliefs
    let at = Math.min(this.#nextPeriod, this.#nextSync, this.#ownWord.returnAt)
    if (!queue.isEmpty) at = Math.min(at, nextGossip)
    at = Math.min(at, this.#prober.due, this.#errands.due, this.#verdicts.due(now))
    if (this.#timer !== undefined) {
      if (at === this.#timerAt) return
      this.#timer.cancel()
    }
    this.#timerAt = at
    this.#timer = this.#runtime.timer(Math.max(0, at - now), this.#onTimer)
  }

  #timerFired(): void {
    this.#timer = undefined
    if (this.#stage === 'running') this.#advance(this.#runtime.now())
  }

  /**
   * Before a message is looked at: had a timer been due long since? Then this page sleeps or is
   * throttled, and the message does the timer's work, which thus knows that it is late.
   */
  #catchUp(now: number): void {
    if (now - this.#timerAt <= LATE_TIMER) {
      this.#awakeAt = now
      return
    }
    this.#timer?.cancel()
    this.#timer = undefined
    this.#advance(now)
  }

  /** Does all that is due. */
  #advance(now: number): void {
    const lateness = now - this.#timerAt
    if (isPlanted('late-timer-verdict')) {
      this.#prober.expire(now)
      this.#verdicts.run(now)
    }
    this.#wakeIfSlept(now)
    if (lateness > LATE_TIMER) this.#excuse(lateness, now)
    this.#prober.expire(now)
    if (!this.#errands.isEmpty) this.#errands.expire(now)
    this.#verdicts.run(now)
    this.#ownWord.run(now)
    if (now >= this.#nextPeriod) this.#period(now)
    if (now >= this.#nextSync) this.#sync(now)
    if (!this.#beliefs.queue.isEmpty && now >= this.#beliefs.nextGossip) this.#beliefs.gossip(now)
    this.#arm(now)
  }

  #period(now: number): void {
    this.#nextPeriod = now + PROBE_PERIOD
    if (now >= this.#nextProbe) {
      this.#nextProbe = now + PROBE_PERIOD * this.#prober.health
      this.#prober.period(now)
    }
    this.#greetings.period(now)
  }

  #sync(now: number): void {
    // Spread by a quarter either way, so that peers that joined together do not stay together.
    this.#nextSync = now + SYNC_PERIOD * (0.75 + this.#runtime.random() / 2)
    const partner = this.#beliefs.table.any()
    if (partner !== undefined) this.#pushPull.start(partner.id, now)
  }

  /** Rule 2: a timer that fired this late proves nothing. Probes begin anew, and the time does not count. */
  #excuse(lateness: number, now: number): void {
    this.#prober.forget()
    this.#errands.forget()
    this.#verdicts.excuse(lateness, now)
  }

  /** Rule 3: a long gap in our own time means that we slept. */
  #wakeIfSlept(now: number): void {
    const slept = now - Math.max(this.#awakeAt, Math.min(this.#timerAt, now) - PROBE_PERIOD)
    this.#awakeAt = now
    if (slept <= PROBE_PERIOD * WAKE_PERIODS || isPlanted('no-wake-sync')) return
    // What was news before is not any more, except what we say of ourselves.
    const { queue, self, table } = this.#beliefs
    queue.clear()
    queue.add(self, table.size)
    this.#wake(now)
  }

  #wake(now: number): void {
    // The timer, a message and the page's own event may all tell of one awakening.
    if (isPlanted('no-wake-sync') || now - this.#wokeAt < LATE_TIMER) return
    this.#wokeAt = now
    this.#beliefs.silentUntil = now + WAKE_SILENCE
    this.#prober.forget()
    this.#errands.forget()
    this.#verdicts.woke(now)
    for (let count = 0; count < WAKE_SYNCS; count++) {
      const partner = this.#beliefs.table.any()
      if (partner !== undefined) this.#pushPull.start(partner.id, now)
    }
  }
}
