import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import {
  CONFIRMATIONS,
  GOSSIP_PERIOD,
  HINT_GROUPS,
  HINT_LIFE,
  HINT_PROBERS,
  HINT_TIMEOUT,
  HINT_VOTES,
  LAST_CALL,
  PROBE_TIMEOUT,
  VOTE_LIMIT,
} from './constants.js'
import { NO_PROBE, type Peer } from './peer.js'
import type { Prober } from './prober.js'
import { DEAD, isSuspected, ownStanding, PARKED } from './standing.js'
import { suspicionTime } from './suspicion.js'

/** From silence to suspicion to death, and from a hint to a probe. */
export class Verdicts {
  readonly #beliefs: Beliefs
  readonly #prober: Prober
  /** Peers that a hint or hearsay is about; may still hold some whose hint is answered. */
  readonly #hinted: Peer[] = []

  constructor(beliefs: Beliefs, prober: Prober) {
    this.#beliefs = beliefs
    this.#prober = prober
  }

  /** Something says that `peer` may be gone. The nearest successors on the circle probe at once, the next ones if those sleep. */
  hint(peer: Peer, now: number): void {
    if (isPlanted('hint-as-verdict')) {
      this.#declareDead(peer, now)
      return
    }
    // While a hint is unanswered another says nothing new, and must not outdate the probe under way.
    if (now <= peer.hintedAt + HINT_LIFE && !peer.isDoubted) return
    // Nor may a probe from before the hint go on: its answer could no longer be told from an old frame.
    peer.probe = NO_PROBE
    peer.isDoubted = false
    this.#list(peer, now)
    const rank = this.#beliefs.table.successorRank(peer, HINT_PROBERS * HINT_GROUPS)
    const group = Math.floor(rank / HINT_PROBERS)
    peer.hintProbeAt = group < HINT_GROUPS ? now + group * HINT_TIMEOUT : Number.POSITIVE_INFINITY
    if (group === 0) this.#probeHinted(peer, now)
    this.judge(peer, now)
  }

  /** Others hold for dead whom we hold for alive: look ourselves before we believe it. */
  doubt(peer: Peer, voter: number, now: number): void {
    this.#beliefs.suspect(peer, [voter], now, now)
    const isUnderWay = !Number.isNaN(peer.hintedAt) && peer.probe !== NO_PROBE
    if (!isUnderWay) {
      peer.isDoubted = true
      this.#list(peer, now)
      this.#probeHinted(peer, now)
    }
    this.judge(peer, now)
  }

  /** Others suspect `peer`: see for ourselves, if we are near it on the circle. */
  confirm(peer: Peer, now: number): void {
    if (peer.probe !== NO_PROBE || peer.heardAt + PROBE_TIMEOUT > now) return
    const near = 2 * HINT_PROBERS
    if (this.#beliefs.table.successorRank(peer, near) < near) this.#prober.probe(peer, now)
  }

  /** A probe of our own failed: a vote. */
  failed(peer: Peer, now: number): void {
    const { self, table } = this.#beliefs
    // The silence began with the ping, not with the end of our patience. Where that was long, as we
    // may be at fault ourselves, the suspect must still have time to hear of it, even if all confirm it.
    const since = Math.max(peer.probeAt, now + LAST_CALL - this.#suspicionTime(peer, CONFIRMATIONS + 1))
    this.#beliefs.suspect(peer, [self.hash], since, now)
    this.#prober.call(peer)
    if (table.size <= VOTE_LIMIT) this.#beliefs.broadcast(peer)
    else this.#beliefs.gossip(now)
    this.judge(peer, now)
  }

  /**
   * Whether a frame of `peer` that comes now may have been on its way since before the hint, and so
   * refutes nothing.
   * @param isAck - whether it answers the latest probe
   */
  isTooEarly(peer: Peer, isAck: boolean, now: number): boolean {
    if (isAck && peer.probeAt >= peer.hintedAt) return false
    return now < peer.hintedAt + this.#prober.slowest(peer)
  }

  /** Does what is due: probes of later groups, last calls, deaths. */
  run(now: number): void {
    const hinted = this.#hinted
    for (let index = hinted.length - 1; index >= 0; index--) {
      const peer = hinted[index] as Peer
      if (now > peer.hintedAt + HINT_LIFE) peer.forgetHint()
      if (Number.isNaN(peer.hintedAt)) {
        peer.isListedHint = false
        hinted.splice(index, 1)
      } else if (now >= peer.hintProbeAt) this.#probeHinted(peer, now)
    }
    const { suspects } = this.#beliefs
    for (let index = suspects.length - 1; index >= 0; index--) {
      const peer = suspects[index]
      if (peer === undefined) continue
      if (isSuspected(peer.standing)) this.judge(peer, now)
      if (isSuspected(peer.standing)) continue
      peer.isListedSuspect = false
      suspects.splice(suspects.indexOf(peer), 1)
    }
  }

  /** When {@link run} has something to do. */
  due(now: number): number {
    let due = Number.POSITIVE_INFINITY
    for (const peer of this.#hinted) if (peer.hintProbeAt < due) due = peer.hintProbeAt
    for (const peer of this.#beliefs.suspects) {
      const end = peer.suspectedAt + this.#suspicionTime(peer)
      const next = Math.max(peer.isLastCalled ? end : end - LAST_CALL, this.#beliefs.silentUntil)
      // Where something else holds a verdict back, look again soon and not at once.
      due = Math.min(due, Math.max(next, now + GOSSIP_PERIOD))
    }
    return due
  }

  /** A verdict, if its time has come: it needs that we are awake and have heard nothing of the suspect. */
  judge(peer: Peer, now: number): void {
    if (!isSuspected(peer.standing) || now < this.#beliefs.silentUntil) return
    const { self, table } = this.#beliefs
    if (this.#isHintProven(peer, now)) {
      const isVoter = peer.voters.includes(self.hash)
      this.#declareDead(peer, now)
      // So that nobody waits for a vote that was lost.
      if (isVoter && table.size <= VOTE_LIMIT) this.#beliefs.broadcast(peer)
      return
    }
    const end = peer.suspectedAt + this.#suspicionTime(peer)
    if (!peer.isLastCalled && now >= end - LAST_CALL) {
      peer.isLastCalled = true
      this.#prober.call(peer)
    }
    if (now < end) return
    if (peer.heardAt <= peer.suspectedAt) {
      this.#declareDead(peer, now)
      return
    }
    // It is there, and does not know what is said of it.
    this.#restart(peer, now)
    this.#prober.call(peer)
  }

  /** We slept: suspicions begin anew, and hints are stale. */
  woke(now: number): void {
    for (const peer of this.#hinted) {
      peer.forgetHint()
      peer.isListedHint = false
    }
    this.#hinted.length = 0
    for (const peer of this.#beliefs.suspects) this.#restart(peer, now)
  }

  /**
   * A timer was late by `lateness`: that time does not count (rule 2). The answer to the last call may
   * be among the frames that waited along with the timer, so every suspect is called once more.
   */
  excuse(lateness: number, now: number): void {
    for (const peer of this.#beliefs.suspects) {
      const earliest = now + LAST_CALL - this.#suspicionTime(peer)
      peer.suspectedAt = Math.min(now, Math.max(peer.suspectedAt + lateness, earliest))
      peer.isLastCalled = false
    }
    for (const peer of this.#hinted) {
      // Its probe is forgotten with all others, so it needs another.
      if (peer.hintProbeAt === Number.POSITIVE_INFINITY) peer.hintProbeAt = now
    }
  }

  #list(peer: Peer, now: number): void {
    peer.hintedAt = now
    if (!peer.isListedHint) this.#hinted.push(peer)
    peer.isListedHint = true
  }

  #probeHinted(peer: Peer, now: number): void {
    peer.hintProbeAt = Number.POSITIVE_INFINITY
    this.#prober.probeHinted(peer, now)
  }

  #restart(peer: Peer, now: number): void {
    peer.suspectedAt = now
    peer.isLastCalled = false
  }

  #suspicionTime(peer: Peer, voters = peer.voters.length): number {
    return suspicionTime({
      size: this.#beliefs.table.size,
      voters,
      isParked: ownStanding(peer.standing) === PARKED,
      socketOpen: peer.socketOpen,
    })
  }

  /** A hint and two votes make a verdict. A parked peer is given its time: it may be frozen, and holds no range. */
  #isHintProven(peer: Peer, now: number): boolean {
    const isHinted = now <= peer.hintedAt + HINT_LIFE
    if (!isHinted || ownStanding(peer.standing) === PARKED) return false
    const { self, table } = this.#beliefs
    if (peer.isDoubted && !peer.voters.includes(self.hash)) return false
    // Of two peers the signalling server is the third witness.
    const witnessed = table.size === 2 && peer.socketOpen === false ? 1 : 0
    return peer.voters.length + witnessed >= HINT_VOTES
  }

  #declareDead(peer: Peer, now: number): void {
    this.#beliefs.bury(peer, peer.incarnation, DEAD, false, now)
  }
}

/** The hash by which `id` votes; 0 for one that is not here. */
export function voterOf(beliefs: Beliefs, id: PeerId): number {
  return beliefs.table.get(id)?.hash ?? 0
}
