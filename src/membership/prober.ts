import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import { type MembershipMessage, noNews } from './claim.js'
import {
  ALL_TO_ALL,
  HEALTH_LIMIT,
  HINT_PROBERS,
  HINT_ROUND_TRIPS,
  HINT_TIMEOUT,
  HINT_TIMEOUT_LEAST,
  INDIRECT_PROBES,
  INDIRECT_ROUND_TRIPS,
  PROBE_ROUND_TRIPS,
  PROBE_TIMEOUT,
  PROBE_TIMEOUT_LIMIT,
  ROUND_TRIP_GUESS,
  ROUND_TRIP_SAMPLES,
  SECOND_TRY_AFTER,
  SECOND_TRY_ROUND_TRIPS,
} from './constants.js'
import { FIRST_TRY, NO_PROBE, type Peer, SECOND_TRY } from './peer.js'
import { RoundTrip } from './round-trip.js'
import { isSuspected } from './standing.js'

/**
 * Probes of others: a ping, then a ping through the relay and three helpers, then the verdict of
 * whoever asked for it.
 *
 * ```
 * ping ────── SECOND_TRY_ROUND_TRIPS · p99 ──────▶ relay, helpers ──▶ failed
 * └───────────── max(1 s, PROBE_ROUND_TRIPS · p99) ─────────────────────┘
 * ```
 */
export class Prober {
  /** Lifeguard's local health multiplier: it grows when the fault seems to be ours, and all our patience with it. */
  health = 1
  readonly #beliefs: Beliefs
  readonly #sendRelayed: ((to: PeerId, message: MembershipMessage) => void) | undefined
  readonly #failed: (peer: Peer, now: number) => void
  /** Peers with a probe under way; may still hold some whose probe is settled. */
  readonly #probed: Peer[] = []
  readonly #roundTrip = new RoundTrip()
  #sequence = 0
  #isWatchTurn = false
  #watchTurn = 0

  /** @param failed - called when nothing answered in any way */
  constructor(
    beliefs: Beliefs,
    sendRelayed: ((to: PeerId, message: MembershipMessage) => void) | undefined,
    failed: (peer: Peer, now: number) => void,
  ) {
    this.#beliefs = beliefs
    this.#sendRelayed = sendRelayed
    this.#failed = failed
  }

  /** One period's probes: all in a small cluster, else one. */
  period(now: number): void {
    const { table, self } = this.#beliefs
    if (table.size === 1) this.health = 1
    if (table.size > ALL_TO_ALL) {
      const peer = this.#nextTarget()
      if (peer !== undefined && peer.probe === NO_PROBE) this.probe(peer, now)
      return
    }
    for (const peer of table.circle) if (peer !== self && peer.probe === NO_PROBE) this.probe(peer, now)
  }

  probe(peer: Peer, now: number): void {
    peer.probe = FIRST_TRY
    peer.probeSequence = this.#sequence = (this.#sequence + 1) & 0xffff
    peer.probeAt = now
    peer.probeDue =
      now + Math.max(SECOND_TRY_AFTER, this.slowest(peer) * SECOND_TRY_ROUND_TRIPS) * this.health
    peer.isMeasuring = true
    peer.nacks = 0
    peer.helpers = 0
    if (!peer.isListedProbe) this.#probed.push(peer)
    peer.isListedProbe = true
    this.#ping(peer)
  }

  /**
   * All ways at once, and twice the direct one: a hint needs its answer soon, and a lost ping must
   * not make a vote. Begins anew where a probe is under way: only an answer to a ping sent after
   * the hint refutes it.
   */
  probeHinted(peer: Peer, now: number): void {
    this.probe(peer, now)
    this.#ping(peer)
    this.#tryAgain(peer, now)
    const wait = Math.max(HINT_TIMEOUT_LEAST, this.slowest(peer) * HINT_ROUND_TRIPS)
    peer.probeDue = now + Math.min(HINT_TIMEOUT, wait)
  }

  /** A ping outside of any probe. To a suspect it brings what is said of it. Answers its sequence. */
  call(peer: Peer): number {
    this.#sequence = (this.#sequence + 1) & 0xffff
    const news = isSuspected(peer.standing) ? [peer.claim] : noNews
    const { digest } = this.#beliefs.table
    this.#beliefs.send(peer.id, { type: 'membership.ping', sequence: this.#sequence, digest, news })
    return this.#sequence
  }

  /** Takes the time of an ack to the latest probe of `peer`. Another frame may have settled the probe before it came. */
  measure(peer: Peer, now: number): void {
    if (!peer.isMeasuring) return
    peer.isMeasuring = false
    peer.roundTrip.add(now - peer.probeAt)
    this.#roundTrip.add(now - peer.probeAt)
    if (this.health > 1) this.health--
  }

  /** Whose probe a helper's answer belongs to, if it is still under way. */
  helped(sequence: number): Peer | undefined {
    for (const peer of this.#probed) {
      if (peer.probe === SECOND_TRY && peer.probeSequence === sequence) return peer
    }
    return undefined
  }

  expire(now: number): void {
    const probed = this.#probed
    for (let index = probed.length - 1; index >= 0; index--) {
      const peer = probed[index]
      if (peer === undefined) continue
      if (peer.probe !== NO_PROBE) {
        if (now < peer.probeDue) continue
        if (peer.probe === FIRST_TRY) {
          this.#tryAgain(peer, now)
          if (!isPlanted('late-timer-verdict') || now < peer.probeAt + PROBE_TIMEOUT_LIMIT * this.health)
            continue
        }
      }
      const hasFailed = peer.probe !== NO_PROBE
      probed[index] = probed.at(-1) as Peer
      probed.pop()
      peer.isListedProbe = false
      peer.probe = NO_PROBE
      if (hasFailed) this.#conclude(peer, now)
    }
  }

  /** Gives all probes up without a conclusion. */
  forget(): void {
    for (const peer of this.#probed) {
      peer.probe = NO_PROBE
      peer.isListedProbe = false
      peer.isMeasuring = false
    }
    this.#probed.length = 0
  }

  /**
   * When a probe falls due that a timer is worth. A first try is not: it is looked at with whatever
   * happens next, which is at most a period away.
   */
  get due(): number {
    let due = Number.POSITIVE_INFINITY
    for (const peer of this.#probed) if (peer.probe === SECOND_TRY && peer.probeDue < due) due = peer.probeDue
    return due
  }

  /** Milliseconds that a round trip to `peer` takes, but for one in a hundred. */
  slowest(peer: Peer): number {
    const roundTrip = peer.roundTrip.samples >= ROUND_TRIP_SAMPLES ? peer.roundTrip : this.#roundTrip
    const measured = roundTrip.percentile99 ?? 0
    return roundTrip.samples >= ROUND_TRIP_SAMPLES ? measured : Math.max(measured, ROUND_TRIP_GUESS)
  }

  /** This peer itself may be at fault: be more patient with others. */
  degrade(by: number): void {
    this.health = Math.min(HEALTH_LIMIT, this.health + by)
  }

  /**
   * In turns, a peer of SWIM's shuffled round, and one that this peer watches, being among the first
   * three after it on the circle. By the round alone a peer may wait long for its first probe (p99
   * 9.2 s at N = 100, as the times are independent); by its watchers alone nobody would look at
   * far links.
   */
  #nextTarget(): Peer | undefined {
    const { table } = this.#beliefs
    this.#isWatchTurn = !this.#isWatchTurn
    if (!this.#isWatchTurn) return table.turn()
    const watched = table.watched(HINT_PROBERS)
    return watched[this.#watchTurn++ % watched.length] ?? table.turn()
  }

  #ping(peer: Peer): void {
    this.#beliefs.send(peer.id, {
      type: 'membership.ping',
      sequence: peer.probeSequence,
      digest: this.#beliefs.table.digest,
      news: this.#beliefs.newsFor(peer),
    })
  }

  #tryAgain(peer: Peer, now: number): void {
    const { table } = this.#beliefs
    const { probeSequence: sequence } = peer
    peer.probe = SECOND_TRY
    peer.isMeasuring = false
    const slowest = this.slowest(peer)
    const whole = Math.min(PROBE_TIMEOUT_LIMIT, Math.max(PROBE_TIMEOUT, slowest * PROBE_ROUND_TRIPS))
    peer.probeDue = Math.max(
      peer.probeAt + whole * this.health,
      now + slowest * INDIRECT_ROUND_TRIPS * this.health,
    )
    this.#sendRelayed?.(peer.id, { type: 'membership.ping', sequence, digest: table.digest, news: noNews })
    for (let tries = 0; tries < 2 * INDIRECT_PROBES && peer.helpers < INDIRECT_PROBES; tries++) {
      const helper = table.any()
      if (helper === undefined || helper === peer || isSuspected(helper.standing)) continue
      peer.helpers++
      const news = this.#beliefs.newsFor(helper)
      this.#beliefs.send(helper.id, { type: 'membership.probe', sequence, target: peer.id, news })
    }
  }

  #conclude(peer: Peer, now: number): void {
    if (now < this.#beliefs.silentUntil) return
    // Lifeguard: helpers that do not even say no are a sign that it is us who cannot be heard.
    const missing = Math.max(0, peer.helpers - peer.nacks)
    if (missing > 0 || peer.helpers === 0) this.degrade(Math.max(1, missing))
    this.#failed(peer, now)
  }
}
