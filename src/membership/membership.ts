import { isPlanted, type Runtime, type Timer } from '../runtime/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import { type Claim, claimWithInfo, infoOf, type MembershipMessage, noNews, votersOf } from './claim.js'
import {
  ALL_TO_ALL,
  CONTACT_TRIES,
  CONTACTS_AT_ONCE,
  CONTACTS_LIMIT,
  ERRANDS_LIMIT,
  GONE_LIMIT,
  GONE_TIME,
  GOSSIP_FANOUT,
  GOSSIP_NEWS,
  GOSSIP_PERIOD,
  HEALTH_LIMIT,
  HINT_GROUPS,
  HINT_PROBERS,
  HINT_TIMEOUT,
  HINT_TIMEOUT_LEAST,
  HINT_VOTES,
  INDIRECT_PROBES,
  INDIRECT_ROUND_TRIPS,
  JOIN_SYNCS,
  KNOCK_BURST,
  KNOCK_TIME,
  LAST_CALL,
  LATE_TIMER,
  MEMBERS_LIMIT,
  NACK_ROUND_TRIPS,
  OWN_WORD_LIMIT,
  PIGGYBACK,
  PROBE_PERIOD,
  PROBE_ROUND_TRIPS,
  PROBE_TIMEOUT,
  PROBE_TIMEOUT_LIMIT,
  REPLY_PAUSE,
  ROUND_TRIP_GUESS,
  ROUND_TRIP_SAMPLES,
  SECOND_TRY_AFTER,
  SECOND_TRY_ROUND_TRIPS,
  SYNC_PAUSE,
  SYNC_PERIOD,
  SYNC_SETTLED,
  TABLE_CLAIMS,
  VOTE_LIMIT,
  WAKE_PERIODS,
  WAKE_SILENCE,
  WAKE_SYNCS,
} from './constants.js'
import { Damping } from './damping.js'
import { GossipQueue } from './gossip-queue.js'
import { FIRST_TRY, type Member, NO_PROBE, Peer, SECOND_TRY } from './peer.js'
import { RoundTrip } from './round-trip.js'
import {
  ALIVE,
  DEAD,
  isGone,
  isSuspected,
  JOINING,
  LEAVING,
  LEFT,
  ownStanding,
  PARKED,
  SUSPECT,
  stateOf,
  supersedes,
} from './standing.js'
import { suspicionTime } from './suspicion.js'
import { holdsRanges, Table, willHoldRanges } from './table.js'

export interface MembershipEvents {
  /**
   * What is believed of a peer changed: its state, its incarnation, or that it is known at all.
   * Called when the change is complete; membership may be called from inside.
   *
   * A peer that was `dead` may be seen again, with a higher incarnation: it was only cut off or
   * asleep. One that has `left` may too, when the browser took its page out of the back-forward cache.
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

/** A probe that this peer runs for another. */
interface Errand {
  readonly asker: PeerId
  readonly sequence: number
  readonly target: PeerId
  readonly due: number
}

/**
 * Who is here: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2018) and
 * the rules that pages need, which sleep without notice: see DESIGN.md, section Membership.
 *
 * Deterministic and synchronous, with one timer. Time-outs of probes are looked at with every
 * message that arrives as well, which is more often than a timer of each would be worth.
 *
 * A death is not for ever. A peer that learns that it is held for dead raises its incarnation and
 * says so to all; those who held it for dead see it `alive` again. So that it learns of it, each
 * peer calls one of its dead every period (for {@link KNOCK_TIME}), and answers whatever a dead
 * peer sends with the news of its death. A claim of the same incarnation never revives anyone.
 */
export class Membership {
  readonly #runtime: Runtime
  readonly #self: Peer
  readonly #send: MembershipOptions['send']
  readonly #sendRelayed: MembershipOptions['sendRelayed']
  readonly #events: MembershipEvents
  readonly #table: Table
  readonly #queue = new GossipQueue()
  readonly #gone = new Map<PeerId, Peer>()
  readonly #contacts = new Map<PeerId, number>()
  readonly #roundTrip = new RoundTrip()
  readonly #damping = new Damping()
  readonly #onTimer = (): void => this.#timerFired()

  /** Peers with a probe under way. */
  readonly #probed: Peer[] = []
  readonly #suspects: Peer[] = []
  readonly #hinted: Peer[] = []
  readonly #errands: Errand[] = []
  #sequence = 0
  #health = 1
  #watchTurn = 0
  #isWatchTurn = false

  #stage: 'new' | 'running' | 'stopped' = 'new'
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  /** When this peer last did anything: a long gap means that it slept. */
  #awakeAt = 0
  #nextProbe = 0
  #nextGossip = 0
  #nextSync = 0
  #lastSync = Number.NEGATIVE_INFINITY
  #changedAt = 0
  #wokeAt = Number.NEGATIVE_INFINITY
  #silentUntil = 0
  #isHidden = false
  #returnAt = Number.POSITIVE_INFINITY
  #lastBurst = Number.NEGATIVE_INFINITY
  #lastReply = Number.NEGATIVE_INFINITY
  #joinSyncs = 0
  #knockTurn = 0

  constructor(options: MembershipOptions) {
    this.#runtime = options.runtime
    this.#send = options.send
    this.#sendRelayed = options.sendRelayed
    this.#events = options.events
    this.#self = new Peer(options.self, 0, JOINING)
    this.#table = new Table(this.#self, options.runtime)
  }

  /** Begins to probe and to answer, as `joining`. Idempotent. */
  start(): void {
    if (this.#stage !== 'new') return
    this.#stage = 'running'
    const now = this.#runtime.now()
    this.#awakeAt = now
    this.#changedAt = now
    // By chance, so that peers that start together do not probe together.
    this.#nextProbe = now + PROBE_PERIOD * this.#runtime.random()
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
   * Somebody says that `peer` is here: greet it until it answers, or 30 s have passed. It becomes a
   * member only by its own answer; a dead one only by a higher incarnation.
   */
  introduce(peer: PeerInfo): void {
    const { id } = peer
    if (this.#stage !== 'running' || id === this.#self.id || this.#table.get(id) !== undefined) return
    if (this.#gone.get(id)?.standing === LEFT) return
    if (!this.#contacts.has(id) && this.#contacts.size >= CONTACTS_LIMIT) return
    this.#contacts.set(id, CONTACT_TRIES)
    this.#greet(id, true)
  }

  /** A link to `id` has opened: what waited for it can be said now. */
  opened(id: PeerId): void {
    if (this.#stage !== 'running' || id === this.#self.id) return
    const peer = this.#table.get(id)
    if (peer === undefined) {
      if (this.#contacts.has(id) || this.#gone.get(id)?.standing === DEAD) this.#greet(id, true)
    } else if (isSuspected(peer.standing)) this.#call(peer)
  }

  /** An authenticated frame of any kind came from `from`: it is there. */
  heard(from: PeerId): void {
    if (this.#stage !== 'running') return
    const now = this.#runtime.now()
    this.#wakeIfSlept(now)
    const peer = this.#table.get(from)
    if (peer !== undefined) this.#heard(peer, now)
  }

  /** A message of a peer, decoded and checked against its schema. */
  receive(from: PeerId, message: MembershipMessage): void {
    if (this.#stage !== 'running' || from === this.#self.id) return
    const now = this.#runtime.now()
    this.#wakeIfSlept(now)
    const peer = this.#table.get(from)
    if (peer !== undefined) {
      if (message.type === 'membership.ack') this.#measure(peer, message.sequence, now)
      this.#heard(peer, now)
    }
    switch (message.type) {
      case 'membership.ping':
        if (message.news.length > 0) this.#learn(message.news, from)
        this.#send(from, { type: 'membership.ack', sequence: message.sequence, news: this.#newsFor(from) })
        if (message.digest !== this.#table.digest) this.#differs(from, now)
        break
      case 'membership.ack':
        if (peer === undefined || peer.probeSequence !== message.sequence)
          this.#answered(message.sequence, now)
        if (message.news.length > 0) this.#learn(message.news, from)
        break
      case 'membership.probe':
        if (message.news.length > 0) this.#learn(message.news, from)
        this.#run(from, message.sequence, message.target, now)
        break
      case 'membership.nack':
        for (const probed of this.#probed) {
          if (probed.probeSequence === message.sequence) probed.nacks++
        }
        break
      case 'membership.gossip':
        this.#learn(message.news, from)
        break
      case 'membership.hello':
        this.#learn(message.news, from)
        if (message.answer) this.#greet(from, false)
        else if (this.#joinSyncs < JOIN_SYNCS && this.#table.get(from) !== undefined) {
          this.#joinSyncs++
          this.#sync(from, now)
        }
        break
      case 'membership.sync':
        if (message.news.length > 0) this.#learn(message.news, from)
        this.#compare(from, message.digests)
        break
      case 'membership.table':
        this.#receiveTable(from, message)
        break
    }
    if (this.#table.get(from) === undefined) this.#heardStranger(from, now)
    if (this.#probed.length > 0) this.#expireProbes(now)
    if (!this.#queue.isEmpty && this.#timerAt > this.#nextGossip) this.#arm(now)
  }

  /** A link to `id`, or its socket at the signalling server, closed. It is probed for it, and nothing else. */
  hint(id: PeerId): void {
    const peer = this.#table.get(id)
    if (this.#stage !== 'running' || peer === undefined || peer === this.#self) return
    const now = this.#runtime.now()
    this.#wakeIfSlept(now)
    if (isPlanted('hint-as-verdict')) {
      this.#declareDead(peer, now)
      return
    }
    // A second hint within the time of the first one's probe says nothing new.
    if (peer.hintedAt + HINT_TIMEOUT > now) return
    if (Number.isNaN(peer.hintedAt)) this.#hinted.push(peer)
    peer.hintedAt = now
    const rank = this.#table.successorRank(peer, HINT_PROBERS * HINT_GROUPS)
    const group = Math.floor(rank / HINT_PROBERS)
    peer.hintProbeAt = group < HINT_GROUPS ? now + group * HINT_TIMEOUT : Number.POSITIVE_INFINITY
    if (group === 0) this.#probeHinted(peer, now)
    this.#judge(peer, now)
    this.#arm(now)
  }

  /**
   * What the signalling server says of a peer's socket. With two peers it is the third witness: while it
   * has a socket of the silent one, nobody is buried in haste. With more it is not heard.
   */
  witness(id: PeerId, socketOpen: boolean): void {
    const peer = this.#table.get(id)
    if (peer !== undefined) peer.socketOpen = socketOpen
  }

  /** This peer holds its ranges: `joining` becomes `alive`, or `parked` where the page is hidden. */
  ready(): void {
    if (this.#stage !== 'running' || this.#self.standing !== JOINING) return
    this.#announce(this.#isHidden ? PARKED : ALIVE)
  }

  /** The page is hidden: `alive` becomes `parked`, at once, as the page may be frozen next. */
  park(): void {
    this.#isHidden = true
    if (this.#stage !== 'running') return
    this.#returnAt = Number.POSITIVE_INFINITY
    if (this.#self.standing === ALIVE) this.#announce(PARKED)
  }

  /** The page is seen again: `parked` becomes `alive`, later if it has come and gone too often. */
  unpark(): void {
    if (!this.#isHidden) return
    this.#isHidden = false
    if (this.#stage !== 'running' || this.#self.standing !== PARKED) return
    const now = this.#runtime.now()
    const delay = this.#damping.returned(now)
    if (delay === 0) this.#announce(ALIVE)
    else {
      this.#returnAt = now + delay
      this.#arm(now)
    }
  }

  /** The page may have slept: ask what happened before judging anyone. */
  woke(): void {
    if (this.#stage !== 'running') return
    const now = this.#runtime.now()
    this.#wakeIfSlept(now)
    this.#wake(now)
    this.#arm(now)
  }

  /** This peer is about to go of its own will. */
  leaving(): void {
    if (this.#stage === 'running' && this.#self.standing < LEAVING) this.#announce(LEAVING)
  }

  /** This peer goes now: tells everybody, before it returns, and stops. */
  left(): void {
    if (this.#stage !== 'running') return
    this.#announce(LEFT)
    this.stop()
  }

  /** All peers that are here, this one included, in the order of their ids. */
  members(): Member[] {
    const members: Member[] = []
    for (const peer of this.#table.circle) members.push(peer.member())
    return members.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** One peer, also a dead or departed one for as long as it is remembered. */
  member(id: PeerId): Member | undefined {
    const peer = this.#table.get(id) ?? this.#gone.get(id)
    return peer?.isKnown ? peer.member() : undefined
  }

  /** Those that hold the ranges of the ring now (alive, suspect, leaving), with their weights, in the order of their ids. */
  view(): { readonly id: PeerId; readonly weight: number }[] {
    return this.#weights(holdsRanges)
  }

  /** Those that will hold the ranges: with those that join, without those that leave or are parked. */
  nextView(): { readonly id: PeerId; readonly weight: number }[] {
    return this.#weights(willHoldRanges)
  }

  /** Digest of all that this peer believes of those who are here; equal at two peers that believe the same. */
  get digest(): number {
    return this.#table.digest
  }

  /** Lifeguard's local health multiplier: 1 when all is well, up to 8 when this peer itself seems to be at fault. */
  get health(): number {
    return this.#health
  }

  #weights(counts: (peer: Peer) => boolean): { id: PeerId; weight: number }[] {
    const view: { id: PeerId; weight: number }[] = []
    for (const peer of this.#table.circle) {
      if (peer.info.weight > 0 && counts(peer)) view.push({ id: peer.id, weight: peer.info.weight })
    }
    return view.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  // Time.

  #arm(now: number): void {
    let at = Math.min(this.#nextProbe, this.#nextSync, this.#returnAt)
    if (!this.#queue.isEmpty && this.#nextGossip < at) at = this.#nextGossip
    for (const peer of this.#probed) {
      // A first try of the ordinary kind is looked at when the next thing happens.
      if (peer.probe === SECOND_TRY && peer.probeDue < at) at = peer.probeDue
    }
    for (const errand of this.#errands) if (errand.due < at) at = errand.due
    for (const peer of this.#hinted) if (peer.hintProbeAt < at) at = peer.hintProbeAt
    for (const peer of this.#suspects)
      at = Math.min(at, Math.max(this.#suspectDue(peer), now + GOSSIP_PERIOD))
    if (this.#timer !== undefined) {
      if (at === this.#timerAt) return
      this.#timer.cancel()
    }
    this.#timerAt = at
    this.#timer = this.#runtime.timer(Math.max(0, at - now), this.#onTimer)
  }

  #timerFired(): void {
    const now = this.#runtime.now()
    this.#timer = undefined
    const lateness = now - this.#timerAt
    this.#wakeIfSlept(now)
    if (lateness > LATE_TIMER && !isPlanted('late-timer-verdict')) this.#excuse(lateness, now)
    this.#awakeAt = now
    if (this.#probed.length > 0) this.#expireProbes(now)
    if (this.#errands.length > 0) this.#expireErrands(now)
    if (this.#hinted.length > 0) this.#continueHints(now)
    if (this.#suspects.length > 0) for (const peer of this.#suspects.slice()) this.#judge(peer, now)
    if (now >= this.#returnAt) {
      this.#returnAt = Number.POSITIVE_INFINITY
      if (this.#self.standing === PARKED) this.#announce(ALIVE)
    }
    if (now >= this.#nextProbe) this.#period(now)
    if (now >= this.#nextSync) {
      this.#nextSync = now + SYNC_PERIOD * (0.75 + this.#runtime.random() / 2)
      const partner = this.#table.any()
      if (partner !== undefined) this.#sync(partner.id, now)
    }
    if (!this.#queue.isEmpty && now >= this.#nextGossip) this.#gossip(now)
    if (this.#stage === 'running') this.#arm(now)
  }

  #period(now: number): void {
    this.#nextProbe = now + PROBE_PERIOD * this.#health
    const { circle } = this.#table
    if (circle.length <= ALL_TO_ALL) {
      for (const peer of circle) if (peer !== this.#self && peer.probe === NO_PROBE) this.#probe(peer, now)
    } else {
      const peer = this.#nextTarget()
      if (peer !== undefined && peer.probe === NO_PROBE) this.#probe(peer, now)
    }
    if (this.#contacts.size > 0) this.#greetContacts()
    if (this.#gone.size > 0) this.#knock(now)
  }

  /** In turns, a peer that this one watches on the circle, and one of SWIM's shuffled round. */
  #nextTarget(): Peer | undefined {
    this.#isWatchTurn = !this.#isWatchTurn
    if (!this.#isWatchTurn) return this.#table.turn()
    const watched = this.#table.watched(HINT_PROBERS)
    if (watched.length === 0) return this.#table.turn()
    return watched[this.#watchTurn++ % watched.length]
  }

  /** A timer that fired this late proves nothing: forget what was under way, and do not count the time. */
  #excuse(lateness: number, now: number): void {
    for (const peer of this.#probed) peer.probe = NO_PROBE
    this.#probed.length = 0
    this.#errands.length = 0
    for (const peer of this.#suspects) peer.suspectedAt = Math.min(now, peer.suspectedAt + lateness)
  }

  #wakeIfSlept(now: number): void {
    const slept = now - Math.max(this.#awakeAt, Math.min(this.#timerAt, now) - PROBE_PERIOD)
    this.#awakeAt = now
    if (slept > PROBE_PERIOD * WAKE_PERIODS) this.#wake(now)
  }

  #wake(now: number): void {
    if (isPlanted('no-wake-sync')) return
    if (now - this.#wokeAt < PROBE_TIMEOUT) return
    this.#wokeAt = now
    this.#silentUntil = now + WAKE_SILENCE
    for (const peer of this.#probed) peer.probe = NO_PROBE
    this.#probed.length = 0
    this.#errands.length = 0
    for (const peer of this.#hinted) this.#forgetHint(peer)
    this.#hinted.length = 0
    // What was news before we slept is not any more, except what we say of ourselves.
    this.#queue.clear()
    this.#queue.add(this.#self, this.#table.size)
    for (const peer of this.#suspects) {
      peer.suspectedAt = now
      peer.isLastCalled = false
    }
    for (let count = 0; count < WAKE_SYNCS; count++) {
      const partner = this.#table.any()
      if (partner !== undefined) this.#sync(partner.id, now)
    }
  }

  // Probes.

  #probe(peer: Peer, now: number): void {
    peer.probe = FIRST_TRY
    peer.probeSequence = this.#sequence = (this.#sequence + 1) & 0xffff
    peer.probeAt = now
    peer.isMeasuring = true
    peer.probeDue =
      now + Math.max(SECOND_TRY_AFTER, this.#slowest(peer) * SECOND_TRY_ROUND_TRIPS) * this.#health
    peer.nacks = 0
    peer.helpers = 0
    this.#probed.push(peer)
    this.#ping(peer)
  }

  #ping(peer: Peer): void {
    this.#send(peer.id, {
      type: 'membership.ping',
      sequence: peer.probeSequence,
      digest: this.#table.digest,
      news: this.#newsFor(peer.id),
    })
  }

  /** All ways at once: a hint needs its answer soon, and a lost ping must not make a vote. */
  #probeHinted(peer: Peer, now: number): void {
    peer.hintProbeAt = Number.POSITIVE_INFINITY
    if (peer.probe === NO_PROBE) this.#probe(peer, now)
    this.#ping(peer)
    this.#tryAgain(peer, now)
    const wait = this.#slowest(peer) * SECOND_TRY_ROUND_TRIPS
    peer.probeDue = now + Math.min(HINT_TIMEOUT, Math.max(HINT_TIMEOUT_LEAST, wait)) * this.#health
  }

  #expireProbes(now: number): void {
    const probed = this.#probed
    for (let index = probed.length - 1; index >= 0; index--) {
      const peer = probed[index]
      if (peer === undefined || now < peer.probeDue) continue
      if (peer.probe === FIRST_TRY) {
        this.#tryAgain(peer, now)
        this.#arm(now)
      } else {
        probed[index] = probed.at(-1) as Peer
        probed.pop()
        peer.probe = NO_PROBE
        this.#failed(peer, now)
      }
    }
  }

  /** SWIM's indirect probes, and a ping through the relay. */
  #tryAgain(peer: Peer, now: number): void {
    peer.probe = SECOND_TRY
    peer.isMeasuring = false
    const slowest = this.#slowest(peer)
    const whole = Math.min(PROBE_TIMEOUT_LIMIT, Math.max(PROBE_TIMEOUT, slowest * PROBE_ROUND_TRIPS))
    peer.probeDue = Math.max(
      peer.probeAt + whole * this.#health,
      now + slowest * INDIRECT_ROUND_TRIPS * this.#health,
    )
    const { probeSequence: sequence } = peer
    this.#sendRelayed?.(peer.id, {
      type: 'membership.ping',
      sequence,
      digest: this.#table.digest,
      news: noNews,
    })
    peer.helpers = 0
    for (let tries = 0; tries < 2 * INDIRECT_PROBES && peer.helpers < INDIRECT_PROBES; tries++) {
      const helper = this.#table.any()
      if (helper === undefined || helper === peer || isSuspected(helper.standing)) continue
      peer.helpers++
      this.#send(helper.id, {
        type: 'membership.probe',
        sequence,
        target: peer.id,
        news: this.#newsFor(helper.id),
      })
    }
  }

  #measure(peer: Peer, sequence: number, now: number): void {
    // By its sequence alone: another frame of the peer may have settled the probe before its ack came.
    if (!peer.isMeasuring || peer.probeSequence !== sequence) return
    peer.isMeasuring = false
    peer.roundTrip.add(now - peer.probeAt)
    this.#roundTrip.add(now - peer.probeAt)
    if (this.#health > 1) this.#health--
  }

  #heard(peer: Peer, now: number): void {
    peer.heardAt = now
    if (peer.probe !== NO_PROBE) this.#succeeded(peer)
    if (!Number.isNaN(peer.hintedAt)) {
      this.#forgetHint(peer)
      this.#hinted.splice(this.#hinted.indexOf(peer), 1)
    }
    if (this.#errands.length > 0) this.#runErrands(peer)
  }

  #succeeded(peer: Peer): void {
    peer.probe = NO_PROBE
    this.#probed.splice(this.#probed.indexOf(peer), 1)
  }

  /** An ack for a probe that others ran for us. */
  #answered(sequence: number, now: number): void {
    for (const peer of this.#probed) {
      if (peer.probe === SECOND_TRY && peer.probeSequence === sequence) {
        this.#heard(peer, now)
        return
      }
    }
  }

  #failed(peer: Peer, now: number): void {
    if (now < this.#silentUntil) return
    // Lifeguard: helpers that do not even say no are a sign that it is us who cannot be heard.
    const missing = peer.helpers - peer.nacks
    if (peer.helpers === 0 || missing > 0)
      this.#health = Math.min(HEALTH_LIMIT, this.#health + Math.max(1, missing))
    this.#suspect(peer, peer.incarnation, [this.#self.hash], peer.probeAt, now)
    // Those who watch it can confirm soonest, and it can refute it itself.
    this.#tellWatchers(peer, now)
    this.#judge(peer, now)
  }

  /** Milliseconds that a round trip to `peer` takes at worst. */
  #slowest(peer: Peer): number {
    const roundTrip = peer.roundTrip.samples >= ROUND_TRIP_SAMPLES ? peer.roundTrip : this.#roundTrip
    return roundTrip.percentile99 ?? ROUND_TRIP_GUESS
  }

  #run(asker: PeerId, sequence: number, target: PeerId, now: number): void {
    const peer = this.#table.get(target)
    if (peer === undefined || peer === this.#self || this.#errands.length >= ERRANDS_LIMIT) return
    const due = now + Math.max(SECOND_TRY_AFTER, this.#slowest(peer) * NACK_ROUND_TRIPS)
    this.#errands.push({ asker, sequence, target, due })
    this.#call(peer)
    this.#arm(now)
  }

  /** A ping outside of any probe of our own. */
  #call(peer: Peer): void {
    this.#sequence = (this.#sequence + 1) & 0xffff
    const news = isSuspected(peer.standing) ? [peer.claim] : noNews
    this.#send(peer.id, {
      type: 'membership.ping',
      sequence: this.#sequence,
      digest: this.#table.digest,
      news,
    })
  }

  #runErrands(peer: Peer): void {
    const errands = this.#errands
    for (let index = errands.length - 1; index >= 0; index--) {
      const errand = errands[index]
      if (errand?.target !== peer.id) continue
      errands.splice(index, 1)
      this.#send(errand.asker, { type: 'membership.ack', sequence: errand.sequence, news: noNews })
    }
  }

  #expireErrands(now: number): void {
    const errands = this.#errands
    for (let index = errands.length - 1; index >= 0; index--) {
      const errand = errands[index]
      if (errand === undefined || now < errand.due) continue
      errands.splice(index, 1)
      this.#send(errand.asker, { type: 'membership.nack', sequence: errand.sequence })
    }
  }

  #continueHints(now: number): void {
    for (const peer of this.#hinted) if (now >= peer.hintProbeAt) this.#probeHinted(peer, now)
  }

  #forgetHint(peer: Peer): void {
    peer.hintedAt = Number.NaN
    peer.hintProbeAt = Number.POSITIVE_INFINITY
  }

  // Suspicion and death.

  #suspect(peer: Peer, incarnation: number, voters: readonly number[], since: number, now: number): void {
    const before = peer.member()
    const isNew = !isSuspected(peer.standing) || incarnation > peer.incarnation
    if (isNew) {
      if (!isSuspected(peer.standing)) this.#suspects.push(peer)
      peer.suspectedAt = since
      peer.isLastCalled = false
      peer.voters = []
      this.#table.set(peer, incarnation, SUSPECT + ownStanding(peer.standing))
    }
    const known = peer.voters.length
    for (const voter of voters) {
      if (peer.voters.length < 4 && !peer.voters.includes(voter)) peer.voters.push(voter)
    }
    if (isNew || peer.voters.length > known) {
      peer.changed()
      this.#spread(peer, now)
    }
    if (isNew) this.#emit(peer, before)
  }

  #suspectDue(peer: Peer): number {
    const end = Math.max(this.#silentUntil, peer.suspectedAt + this.#suspicionTime(peer))
    return peer.isLastCalled ? end : end - LAST_CALL
  }

  #suspicionTime(peer: Peer): number {
    return suspicionTime({
      size: this.#table.size,
      voters: peer.voters.length,
      isParked: ownStanding(peer.standing) === PARKED,
      socketOpen: peer.socketOpen,
    })
  }

  /** Whether the time of a suspect is over; a verdict needs that we are awake and have heard nothing of it. */
  #judge(peer: Peer, now: number): void {
    if (!isSuspected(peer.standing) || now < this.#silentUntil) return
    const isParked = ownStanding(peer.standing) === PARKED
    const votes = peer.voters.length + (this.#table.size === 2 && peer.socketOpen === false ? 1 : 0)
    if (!Number.isNaN(peer.hintedAt) && votes >= HINT_VOTES && !isParked) {
      this.#declareDead(peer, now)
      return
    }
    const end = peer.suspectedAt + this.#suspicionTime(peer)
    if (!peer.isLastCalled && now >= end - LAST_CALL) {
      peer.isLastCalled = true
      this.#call(peer)
    }
    if (now < end) return
    if (peer.heardAt > peer.suspectedAt) {
      // It is there, and does not know yet what is said of it.
      peer.suspectedAt = now
      peer.isLastCalled = false
      this.#call(peer)
      return
    }
    this.#declareDead(peer, now)
  }

  #declareDead(peer: Peer, now: number): void {
    this.#bury(peer, peer.incarnation, DEAD, false, now)
  }

  #bury(peer: Peer, incarnation: number, standing: number, isOwnWord: boolean, now: number): void {
    const before = peer.member()
    this.#release(peer)
    this.#table.remove(peer)
    peer.incarnation = incarnation
    peer.standing = standing
    peer.changed()
    this.#rememberGone(peer, now)
    this.#spread(peer, now, isOwnWord)
    this.#emit(peer, before)
  }

  /** Takes `peer` out of all that is under way. */
  #release(peer: Peer): void {
    if (peer.probe !== NO_PROBE) this.#succeeded(peer)
    if (isSuspected(peer.standing)) this.#suspects.splice(this.#suspects.indexOf(peer), 1)
    if (!Number.isNaN(peer.hintedAt)) {
      this.#hinted.splice(this.#hinted.indexOf(peer), 1)
      this.#forgetHint(peer)
    }
    peer.voters = []
  }

  #rememberGone(peer: Peer, now: number): void {
    peer.goneAt = now
    this.#gone.delete(peer.id)
    this.#gone.set(peer.id, peer)
    // In the order in which they went: the first is the oldest.
    for (const [id, oldest] of this.#gone) {
      if (this.#gone.size <= GONE_LIMIT && oldest.goneAt + GONE_TIME > now) break
      this.#gone.delete(id)
      this.#queue.remove(oldest)
    }
  }

  #tellWatchers(peer: Peer, now: number): void {
    this.#call(peer)
    if (this.#table.size <= VOTE_LIMIT) this.#broadcast(peer)
    else this.#gossip(now)
  }

  // News.

  #learn(news: readonly Claim[], from: PeerId): void {
    for (const claim of news) this.#merge(claim, from, false)
  }

  #merge(claim: Claim, from: PeerId, isTable: boolean): void {
    const [id, incarnation, standing] = claim
    const now = this.#runtime.now()
    if (id === this.#self.id) {
      this.#refute(incarnation, standing, from)
      return
    }
    const peer = this.#table.get(id)
    if (peer === undefined) {
      this.#mergeAbsent(claim, from, now)
      return
    }
    if (isSuspected(standing) && isSuspected(peer.standing) && incarnation === peer.incarnation) {
      this.#suspect(peer, incarnation, votersOf(claim), now, now)
      this.#judge(peer, now)
      return
    }
    const isNewer = isPlanted('no-incarnation-check')
      ? standing !== peer.standing
      : supersedes(incarnation, standing, peer.incarnation, peer.standing)
    if (!isNewer) return
    if (standing === DEAD) {
      if (isTable || peer.heardAt + PROBE_PERIOD * 2 > now) this.#doubt(peer, incarnation, from, now)
      else this.#bury(peer, incarnation, DEAD, false, now)
    } else if (standing === LEFT) this.#bury(peer, incarnation, LEFT, from === id, now)
    else if (isSuspected(standing)) {
      const isNew = !isSuspected(peer.standing)
      if (incarnation > peer.incarnation) {
        this.#set(peer, incarnation, ownStanding(standing), from, now)
      }
      this.#suspect(peer, incarnation, votersOf(claim), now, now)
      if (isNew) this.#confirm(peer, now)
      this.#judge(peer, now)
    } else this.#set(peer, incarnation, standing, from, now)
  }

  /** The peer itself says something new. */
  #set(peer: Peer, incarnation: number, standing: number, from: PeerId, now: number): void {
    const before = peer.member()
    if (isSuspected(peer.standing)) {
      this.#suspects.splice(this.#suspects.indexOf(peer), 1)
      peer.voters = []
    }
    peer.isNews = false
    this.#table.set(peer, incarnation, standing)
    this.#spread(peer, now, from === peer.id)
    this.#emit(peer, before)
  }

  /** Others hold for dead whom we hold for alive: look ourselves before we believe it. */
  #doubt(peer: Peer, incarnation: number, from: PeerId, now: number): void {
    if (Number.isNaN(peer.hintedAt)) this.#hinted.push(peer)
    peer.hintedAt = now
    this.#suspect(peer, incarnation, [hashOf(this.#table, from)], now, now)
    this.#call(peer)
    this.#probeHinted(peer, now)
    this.#arm(now)
  }

  /** Another suspects `peer`: see for ourselves, if we are near it on the circle. */
  #confirm(peer: Peer, now: number): void {
    if (peer.probe !== NO_PROBE || peer.heardAt + PROBE_TIMEOUT > now) return
    if (this.#table.successorRank(peer, 2 * HINT_PROBERS) < 2 * HINT_PROBERS) this.#probe(peer, now)
  }

  #mergeAbsent(claim: Claim, from: PeerId, now: number): void {
    const [id, incarnation, standing] = claim
    const gone = this.#gone.get(id)
    const isNewer =
      gone === undefined ||
      isPlanted('no-incarnation-check') ||
      supersedes(incarnation, standing, gone.incarnation, gone.standing)
    if (!isNewer) {
      if (!isGone(standing)) this.#tellStale(gone, from, now)
      return
    }
    if (isGone(standing)) {
      if (gone !== undefined) {
        const before = gone.member()
        gone.incarnation = incarnation
        gone.standing = standing
        gone.changed()
        this.#spread(gone, now)
        if (stateOf(before.state === 'dead' ? DEAD : LEFT) !== stateOf(standing)) this.#emit(gone, before)
        return
      }
      const unknown = new Peer({ id, kind: 'tab', weight: 0, host: id }, incarnation, standing)
      unknown.isKnown = false
      this.#rememberGone(unknown, now)
      return
    }
    const info = infoOf(claim) ?? (gone?.isKnown ? gone.info : undefined)
    if (info === undefined) {
      // Known to others but not to us, and this claim does not say who it is.
      if (now - this.#lastSync > SYNC_PAUSE) this.#sync(from, now)
      return
    }
    if (this.#table.size >= MEMBERS_LIMIT) return
    this.#admit(gone?.isKnown ? gone : new Peer(info, incarnation, standing), claim, gone, from, now)
  }

  #admit(peer: Peer, claim: Claim, gone: Peer | undefined, from: PeerId, now: number): void {
    const before = gone?.isKnown ? gone.member() : undefined
    const [id, incarnation, standing] = claim
    if (gone !== undefined) {
      this.#gone.delete(id)
      this.#queue.remove(gone)
    }
    this.#contacts.delete(id)
    peer.incarnation = incarnation
    peer.standing = ownStanding(standing)
    peer.isNews = true
    peer.heardAt = now
    peer.changed()
    this.#table.add(peer)
    this.#spread(peer, now, from === id)
    this.#emit(peer, before)
    if (isSuspected(standing)) this.#suspect(peer, incarnation, votersOf(claim), now, now)
    if (gone?.standing !== undefined && before?.state === 'dead') this.#healed(now)
  }

  /** One came back from death: the partition that took it has healed, and others wait behind it. */
  #healed(now: number): void {
    if (now - this.#lastBurst < REPLY_PAUSE) return
    this.#lastBurst = now
    for (let count = 0; count < KNOCK_BURST; count++) this.#knock(now)
  }

  /** Somebody says of us what is not so, or no longer. */
  #refute(incarnation: number, standing: number, from: PeerId): void {
    const self = this.#self
    if (!supersedes(incarnation, standing, self.incarnation, self.standing)) {
      if (standing >= SUSPECT && incarnation < self.incarnation) this.#tell(from, [this.#ownClaim()])
      return
    }
    if (this.#health < HEALTH_LIMIT) this.#health++
    const now = this.#runtime.now()
    const wasDead = isGone(standing)
    let own = self.standing
    if (wasDead && own === ALIVE) {
      const delay = this.#damping.returned(now)
      if (delay > 0) {
        own = PARKED
        this.#returnAt = now + delay
      }
    }
    const before = self.member()
    self.isNews = wasDead
    this.#table.set(self, incarnation + 1, own)
    this.#spread(self, now)
    this.#tell(from, [this.#ownClaim()])
    if (wasDead) {
      this.#broadcast(self)
      for (const gone of this.#gone.values()) {
        if (gone.standing === DEAD && gone.goneAt + KNOCK_TIME > now) this.#greet(gone.id, true)
      }
    }
    this.#emit(self, before)
  }

  /** This peer says something new of itself, to all that it can reach at once. */
  #announce(standing: number): void {
    const self = this.#self
    const before = self.member()
    self.isNews = false
    this.#table.set(self, self.incarnation + 1, standing)
    const now = this.#runtime.now()
    if (standing === LEFT) {
      const news = [self.claim]
      for (const peer of this.#table.circle) if (peer !== self) this.#tell(peer.id, news)
    } else {
      this.#spread(self, now)
      this.#broadcast(self)
      this.#arm(now)
    }
    this.#emit(self, before)
  }

  #ownClaim(): Claim {
    const { info, incarnation, standing } = this.#self
    return claimWithInfo(info, incarnation, standing)
  }

  #spread(peer: Peer, now: number, isOwnWord = false): void {
    this.#changedAt = now
    if (this.#queue.isEmpty && this.#nextGossip < now) this.#nextGossip = now
    this.#queue.add(peer, this.#table.size, isOwnWord)
  }

  /** Tells all others what is said of `about`. */
  #broadcast(about: Peer): void {
    const news = [about.claim]
    let count = 0
    for (const peer of this.#table.circle) {
      if (peer === this.#self || peer === about) continue
      if (++count > OWN_WORD_LIMIT) return
      this.#tell(peer.id, news)
    }
  }

  #tell(to: PeerId, news: Claim[]): void {
    this.#send(to, { type: 'membership.gossip', news })
  }

  #gossip(now: number): void {
    this.#nextGossip = now + GOSSIP_PERIOD
    for (let count = 0; count < GOSSIP_FANOUT && !this.#queue.isEmpty; count++) {
      const peer = this.#table.any()
      if (peer === undefined) {
        this.#queue.clear()
        return
      }
      this.#tell(peer.id, this.#newsFor(peer.id, GOSSIP_NEWS))
    }
  }

  /** Lifeguard's buddy system: a suspect hears of it in whatever is sent to it. */
  #newsFor(id: PeerId, limit = PIGGYBACK): Claim[] {
    const news = this.#queue.take(limit)
    if (this.#suspects.length === 0) return news
    const peer = this.#table.get(id)
    if (peer === undefined || !isSuspected(peer.standing) || news.includes(peer.claim)) return news
    return [peer.claim, ...news]
  }

  // First contact, push-pull, and the dead.

  #greet(id: PeerId, answer: boolean): void {
    const gone = this.#gone.get(id)
    const news = gone === undefined ? [this.#ownClaim()] : [this.#ownClaim(), gone.claim]
    this.#send(id, { type: 'membership.hello', answer, news })
  }

  #greetContacts(): void {
    let count = 0
    for (const [id, tries] of this.#contacts) {
      if (count++ === CONTACTS_AT_ONCE) break
      // To the end of the line, so that all have their turn.
      this.#contacts.delete(id)
      if (tries > 1) this.#contacts.set(id, tries - 1)
      this.#greet(id, true)
    }
  }

  /** Calls one of the dead, in turn. */
  #knock(now: number): void {
    let turn = this.#knockTurn++ % this.#gone.size
    for (const gone of this.#gone.values()) {
      if (turn-- > 0) continue
      if (gone.standing === DEAD && gone.isKnown && gone.goneAt + KNOCK_TIME > now) this.#greet(gone.id, true)
      return
    }
  }

  #heardStranger(from: PeerId, now: number): void {
    const gone = this.#gone.get(from)
    if (gone?.standing === LEFT || now - this.#lastReply < REPLY_PAUSE) return
    this.#lastReply = now
    this.#greet(from, true)
  }

  #tellStale(gone: Peer | undefined, from: PeerId, now: number): void {
    if (gone === undefined || from === gone.id || now - this.#lastReply < REPLY_PAUSE) return
    this.#lastReply = now
    this.#tell(from, [gone.claim])
  }

  #differs(from: PeerId, now: number): void {
    if (!this.#queue.isEmpty || now - this.#changedAt < SYNC_SETTLED || now - this.#lastSync < SYNC_PAUSE)
      return
    this.#sync(from, now)
  }

  #sync(partner: PeerId, now: number): void {
    this.#lastSync = now
    this.#send(partner, {
      type: 'membership.sync',
      digests: this.#table.digests.slice(),
      news: this.#self.standing === JOINING ? [this.#ownClaim()] : noNews,
    })
  }

  #compare(from: PeerId, digests: readonly number[]): void {
    let buckets = 0
    for (const [bucket, digest] of this.#table.digests.entries()) {
      if (digest !== digests[bucket]) buckets |= 1 << bucket
    }
    if (buckets !== 0) this.#sendTable(from, buckets >>> 0, true, undefined)
  }

  /** Sends what is believed of the peers in `buckets`, all or what supersedes `known`. */
  #sendTable(
    to: PeerId,
    buckets: number,
    answer: boolean,
    known: ReadonlyMap<PeerId, Claim> | undefined,
  ): void {
    let claims: Claim[] = []
    let covered = 0
    for (let bucket = 0; bucket < this.#table.digests.length; bucket++) {
      const bit = (1 << bucket) >>> 0
      if ((buckets & bit) === 0) continue
      covered = (covered | bit) >>> 0
      for (const peer of this.#table.circle) {
        if (peer.bucket !== bucket) continue
        const theirs = known?.get(peer.id)
        if (theirs !== undefined && !supersedes(peer.incarnation, peer.standing, theirs[1], theirs[2]))
          continue
        claims.push(claimWithInfo(peer.info, peer.incarnation, peer.standing))
      }
      if (claims.length < TABLE_CLAIMS) continue
      this.#send(to, { type: 'membership.table', buckets: covered, answer, claims })
      claims = []
      covered = 0
    }
    for (const [id, theirs] of known ?? []) {
      const gone = this.#gone.get(id)
      if (gone !== undefined && supersedes(gone.incarnation, gone.standing, theirs[1], theirs[2]))
        claims.push(gone.claim)
    }
    if (claims.length > 0 || (answer && covered !== 0)) {
      this.#send(to, { type: 'membership.table', buckets: covered, answer, claims })
    }
  }

  #receiveTable(from: PeerId, table: Extract<MembershipMessage, { type: 'membership.table' }>): void {
    const { claims, buckets, answer } = table
    for (const claim of claims) this.#merge(claim, from, true)
    if (!answer) return
    const known = new Map<PeerId, Claim>()
    for (const claim of claims) known.set(claim[0], claim)
    this.#sendTable(from, buckets, false, known)
  }

  #emit(peer: Peer, before: Member | undefined): void {
    const member = peer.member()
    this.#runtime.trace('membership', peer.id, member.state, member.incarnation)
    this.#events.change(member, before)
  }
}

function hashOf(table: Table, id: PeerId): number {
  return table.get(id)?.hash ?? 0
}
