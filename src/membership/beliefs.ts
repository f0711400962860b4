import type { Runtime } from '../runtime/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import { type Claim, claimWithInfo, type MembershipMessage } from './claim.js'
import { GOSSIP_FANOUT, GOSSIP_NEWS, GOSSIP_PERIOD, OWN_WORD_LIMIT, PIGGYBACK } from './constants.js'
import { Gone } from './gone.js'
import { GossipQueue } from './gossip-queue.js'
import { type Member, NO_PROBE, Peer } from './peer.js'
import { isSuspected, JOINING, ownStanding, SUSPECT } from './standing.js'
import { Table } from './table.js'

/** Voters kept of one suspicion: no decision needs more than CONFIRMATIONS and the first. */
const votersKept = 4

export interface BeliefsOptions {
  runtime: Runtime
  self: PeerInfo
  send: (to: PeerId, message: MembershipMessage) => void
  changed: (member: Member, before: Member | undefined) => void
}

/** What this peer believes of all, how that may change, and how it is told to the others. */
export class Beliefs {
  readonly runtime: Runtime
  readonly self: Peer
  readonly table: Table
  readonly queue = new GossipQueue()
  readonly gone = new Gone()
  readonly send: BeliefsOptions['send']
  /** Those under suspicion; may still hold some that no longer are. */
  readonly suspects: Peer[] = []
  /** When anything last changed. */
  changedAt = 0
  nextGossip = 0
  /** Until then this peer gives no verdict, as it slept (rule 3). */
  silentUntil = 0
  readonly #changed: BeliefsOptions['changed']
  readonly #forgotten = (peer: Peer): void => this.queue.remove(peer)

  constructor({ runtime, self, send, changed }: BeliefsOptions) {
    this.runtime = runtime
    this.send = send
    this.#changed = changed
    this.self = new Peer(self, 0, JOINING)
    this.table = new Table(this.self, runtime)
  }

  /** `peer` itself said something new. */
  set(peer: Peer, incarnation: number, standing: number, isOwnWord: boolean, now: number): void {
    const before = peer.member()
    peer.voters = []
    peer.isNews = false
    this.table.set(peer, incarnation, standing)
    this.spread(peer, now, isOwnWord)
    this.emit(peer, before)
  }

  /** Somebody saw the silence of `peer` since `since`. Answers whether that is new. */
  suspect(peer: Peer, voters: readonly number[], since: number, now: number): boolean {
    const isNew = !isSuspected(peer.standing)
    const before = isNew ? peer.member() : undefined
    if (isNew) {
      peer.suspectedAt = since
      peer.isLastCalled = false
      peer.voters = []
      this.table.set(peer, peer.incarnation, SUSPECT + ownStanding(peer.standing))
      if (!peer.isListedSuspect) this.suspects.push(peer)
      peer.isListedSuspect = true
    }
    const known = peer.voters.length
    for (const voter of voters) {
      if (peer.voters.length < votersKept && !peer.voters.includes(voter)) peer.voters.push(voter)
    }
    if (!isNew && peer.voters.length === known) return false
    peer.changed()
    this.spread(peer, now)
    if (before !== undefined) this.emit(peer, before)
    return isNew
  }

  /** `peer` is dead, or has left. */
  bury(peer: Peer, incarnation: number, standing: number, isOwnWord: boolean, now: number): void {
    const before = peer.member()
    this.table.remove(peer)
    peer.probe = NO_PROBE
    peer.forgetHint()
    peer.voters = []
    peer.incarnation = incarnation
    peer.standing = standing
    peer.changed()
    this.gone.add(peer, now, this.#forgotten)
    this.spread(peer, now, isOwnWord)
    this.emit(peer, before)
  }

  /** `peer` was not here, and is. */
  admit(peer: Peer, isOwnWord: boolean, now: number, before: Member | undefined): void {
    peer.isNews = true
    peer.heardAt = now
    peer.changed()
    this.table.add(peer)
    this.spread(peer, now, isOwnWord)
    this.emit(peer, before)
  }

  /** An unknown peer is said to be gone: only that is worth remembering. */
  rememberGone(peer: Peer, now: number): void {
    this.gone.add(peer, now, this.#forgotten)
  }

  /** Lets what is believed of `peer` be told to others. */
  spread(peer: Peer, now: number, isOwnWord = false): void {
    this.changedAt = now
    if (this.queue.isEmpty && this.nextGossip < now) this.nextGossip = now
    this.queue.add(peer, this.table.size, isOwnWord)
  }

  emit(peer: Peer, before: Member | undefined): void {
    const member = peer.member()
    this.runtime.trace('membership', peer.id, member.state, member.incarnation)
    this.#changed(member, before)
  }

  tell(to: PeerId, news: Claim[]): void {
    this.send(to, { type: 'membership.gossip', news })
  }

  /** Tells all others what is believed of `about`. */
  broadcast(about: Peer): void {
    const news = [about.claim]
    let count = 0
    for (const peer of this.table.circle) {
      if (peer === this.self || peer === about) continue
      if (++count > OWN_WORD_LIMIT) return
      this.tell(peer.id, news)
    }
  }

  /** One round of gossip. */
  gossip(now: number): void {
    this.nextGossip = now + GOSSIP_PERIOD
    for (let count = 0; count < GOSSIP_FANOUT && !this.queue.isEmpty; count++) {
      const peer = this.table.any()
      if (peer === undefined) {
        this.queue.clear()
        return
      }
      this.tell(peer.id, this.newsFor(peer, GOSSIP_NEWS))
    }
  }

  /** News for a message to `peer`. A suspect always hears of the suspicion (Lifeguard's buddy system). */
  newsFor(peer: Peer | undefined, limit = PIGGYBACK): Claim[] {
    const news = this.queue.take(limit)
    if (peer === undefined || !isSuspected(peer.standing) || news.includes(peer.claim)) return news
    return [peer.claim, ...news]
  }

  ownClaim(): Claim {
    const { info, incarnation, standing } = this.self
    return claimWithInfo(info, incarnation, standing)
  }
}
