import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import { type Claim, claimWithInfo, type MembershipMessage, noNews } from './claim.js'
import { SYNC_PAUSE, SYNC_SETTLED, TABLE_CLAIMS } from './constants.js'
import { JOINING, supersedes } from './standing.js'

type TableMessage = Extract<MembershipMessage, { type: 'membership.table' }>

/**
 * Push-pull: two peers compare what they believe, bucket by bucket, and exchange what differs.
 *
 * ```
 * A ── sync: 32 digests ──────────▶ B      silence when all are equal
 * A ◀── table: B's differing buckets ── B
 * A ── table: what B lacks of them ──▶ B
 * ```
 */
export class PushPull {
  readonly #beliefs: Beliefs
  readonly #merge: (claim: Claim, from: PeerId) => void
  #last = Number.NEGATIVE_INFINITY

  /** @param merge - takes a claim out of another's table */
  constructor(beliefs: Beliefs, merge: (claim: Claim, from: PeerId) => void) {
    this.#beliefs = beliefs
    this.#merge = merge
  }

  start(partner: PeerId, now: number): void {
    this.#last = now
    const { table, self } = this.#beliefs
    const news = self.standing === JOINING ? [this.#beliefs.ownClaim()] : noNews
    this.#beliefs.send(partner, { type: 'membership.sync', digests: table.digests.slice(), news })
  }

  /** With a partner by chance. */
  startWithAny(now: number): void {
    const partner = this.#beliefs.table.any()
    if (partner !== undefined) this.start(partner.id, now)
  }

  /** `partner` believes something else than we do. Gossip may be on its way, so that is given its time first. */
  differs(partner: PeerId, now: number): void {
    if (now - this.#last < SYNC_PAUSE) return
    const { queue, changedAt, silentUntil } = this.#beliefs
    const isSettled = queue.isEmpty && now - changedAt >= SYNC_SETTLED
    // Who slept has no gossip to wait for.
    if (isSettled || now < silentUntil) this.start(partner, now)
  }

  /** `partner` speaks of a peer that we never heard of. */
  lacks(partner: PeerId, now: number): void {
    if (now - this.#last >= SYNC_PAUSE) this.start(partner, now)
  }

  compare(from: PeerId, digests: readonly number[]): void {
    let buckets = 0
    const own = this.#beliefs.table.digests
    for (let bucket = 0; bucket < own.length; bucket++) {
      if (own[bucket] !== digests[bucket]) buckets = (buckets | (1 << bucket)) >>> 0
    }
    if (buckets !== 0) this.#send(from, buckets, true, undefined)
  }

  receive(from: PeerId, { claims, buckets, answer }: TableMessage): void {
    for (const claim of claims) this.#merge(claim, from)
    if (!answer) return
    const known = new Map<PeerId, Claim>()
    for (const claim of claims) known.set(claim[0], claim)
    this.#send(from, buckets, false, known)
  }

  /** Sends what is believed of the peers in `buckets`: all, or what supersedes `known`. */
  #send(to: PeerId, buckets: number, answer: boolean, known: ReadonlyMap<PeerId, Claim> | undefined): void {
    const { table, gone } = this.#beliefs
    let claims: Claim[] = []
    let covered = 0
    const flush = (): void => {
      if (claims.length > 0 || (answer && covered !== 0)) {
        this.#beliefs.send(to, { type: 'membership.table', buckets: covered, answer, claims })
      }
      claims = []
      covered = 0
    }
    for (let bucket = 0; bucket < table.digests.length; bucket++) {
      if (((buckets >>> bucket) & 1) === 0) continue
      covered = (covered | (1 << bucket)) >>> 0
      for (const { bucket: own, info, incarnation, standing } of table.circle) {
        if (own !== bucket) continue
        const theirs = known?.get(info.id)
        if (theirs !== undefined && !supersedes(incarnation, standing, theirs[1], theirs[2])) continue
        claims.push(claimWithInfo(info, incarnation, standing))
      }
      if (claims.length >= TABLE_CLAIMS) flush()
    }
    for (const [id, theirs] of known ?? []) {
      const dead = gone.get(id)
      if (dead === undefined || !supersedes(dead.incarnation, dead.standing, theirs[1], theirs[2])) continue
      claims.push([id, dead.incarnation, dead.standing])
      if (claims.length >= TABLE_CLAIMS) flush()
    }
    flush()
  }
}
