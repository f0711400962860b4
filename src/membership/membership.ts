import type { Runtime } from '../runtime/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import { Beliefs } from './beliefs.js'
import type { Claim, MembershipMessage } from './claim.js'
import { JOIN_SYNCS, LATE_WORDS } from './constants.js'
import { Errands } from './errands.js'
import { Greetings } from './greetings.js'
import { Hearsay } from './hearsay.js'
import { OwnWord } from './own-word.js'
import { type Member, NO_PROBE, type Peer } from './peer.js'
import { Prober } from './prober.js'
import { PushPull } from './push-pull.js'
import { DEAD, isGone, isSuspected, LEFT } from './standing.js'
import { Timekeeper } from './timekeeper.js'
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
  readonly #timekeeper: Timekeeper
  #stage: 'new' | 'running' | 'stopped' = 'new'
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
    this.#timekeeper = new Timekeeper({
      beliefs: this.#beliefs,
      prober: this.#prober,
      errands: this.#errands,
      verdicts: this.#verdicts,
      greetings: this.#greetings,
      ownWord: this.#ownWord,
      pushPull: this.#pushPull,
    })
  }

  /** Begins to probe and to answer, as `joining`. Idempotent. */
  start(): void {
    if (this.#stage !== 'new') return
    this.#stage = 'running'
    this.#beliefs.changedAt = this.#runtime.now()
    this.#timekeeper.start()
  }

  /** Stops for good, without a word to the others. Nothing is sent or called from then on. */
  stop(): void {
    this.#stage = 'stopped'
    this.#timekeeper.stop()
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

  /**
   * Whether one who is not here is to be heard, as it speaks through the server or this says that it is here: the dead may
   * only have been cut off, and of whom another said that it had left that may be a lie, which only its own word takes back.
   */
  mayBeBack(id: PeerId): boolean {
    const gone = this.#beliefs.gone.get(id)
    return gone?.standing !== LEFT || this.#runtime.now() - gone.goneAt > LATE_WORDS
  }

  /** Nobody says any more that `id` is here, which has not answered: it is greeted no longer. */
  dismiss(id: PeerId): void {
    this.#greetings.met(id)
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
    this.#timekeeper.catchUp(now)
    const peer = this.#beliefs.table.get(from)
    if (peer !== undefined) this.#heard(peer, now, false)
  }

  /** A message of a peer, decoded and checked against its schema. Counts as {@link heard}. */
  receive(from: PeerId, message: MembershipMessage): void {
    const { table, self } = this.#beliefs
    if (this.#stage !== 'running' || from === self.id) return
    const now = this.#runtime.now()
    this.#timekeeper.catchUp(now)
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
    this.#timekeeper.armForMessage(now)
  }

  /** A link to `id`, or its socket at the signalling server, closed. It is probed for it, and nothing else. */
  hint(id: PeerId): void {
    const peer = this.#beliefs.table.get(id)
    if (this.#stage !== 'running' || peer === undefined || peer === this.#beliefs.self) return
    const now = this.#runtime.now()
    this.#timekeeper.catchUp(now)
    this.#verdicts.hint(peer, now)
    this.#timekeeper.arm(now)
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
    this.#timekeeper.arm(this.#runtime.now())
  }

  /** The page is hidden: `alive` becomes `parked`, at once, as the page may be frozen next. */
  park(): void {
    if (this.#stage === 'stopped') return
    this.#ownWord.park()
    this.#timekeeper.arm(this.#runtime.now())
  }

  /** The page is seen again: `parked` becomes `alive`, later if it has come and gone too often. */
  unpark(): void {
    if (this.#stage === 'stopped') return
    this.#ownWord.unpark()
    this.#timekeeper.arm(this.#runtime.now())
  }

  /** The page may have slept: ask what happened before judging anyone. */
  woke(): void {
    if (this.#stage !== 'running') return
    const now = this.#runtime.now()
    this.#timekeeper.catchUp(now)
    this.#timekeeper.woke(now)
    this.#timekeeper.arm(now)
  }

  /** This peer is about to go of its own will. */
  leaving(): void {
    if (this.#stage !== 'running') return
    this.#ownWord.leaving()
    this.#timekeeper.arm(this.#runtime.now())
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
}
