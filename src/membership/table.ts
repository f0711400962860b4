import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { BUCKETS } from './constants.js'
import { hashStanding } from './hash.js'
import type { Peer } from './peer.js'
import { ALIVE, isSuspected, LEAVING } from './standing.js'

/** The peers that are here, this one included: by id, on a circle by the hash of their ids, and as digests. */
export class Table {
  /** All peers in the order of the hashes of their ids: the circle on which successors are told. */
  readonly circle: Peer[] = []
  /** A digest for each bucket of peers; equal at two peers that believe the same. */
  readonly digests: number[] = new Array<number>(BUCKETS).fill(0)
  /** The digest of all buckets together. */
  digest = 0
  readonly #self: Peer
  readonly #runtime: Runtime
  readonly #byId = new Map<PeerId, Peer>()
  /** Whom to probe in turn: SWIM's shuffled round-robin, which bounds how long one waits for its turn. */
  readonly #round: Peer[] = []
  #next = 0
  /** What {@link watched} last answered, while nothing has changed. */
  #watched: Peer[] | undefined

  constructor(self: Peer, runtime: Runtime) {
    this.#self = self
    this.#runtime = runtime
    this.add(self)
  }

  get size(): number {
    return this.circle.length
  }

  get(id: PeerId): Peer | undefined {
    return this.#byId.get(id)
  }

  add(peer: Peer): void {
    this.#byId.set(peer.id, peer)
    this.circle.splice(this.#place(peer), 0, peer)
    this.#count(peer)
    if (peer === this.#self) return
    // A random place in the round, as SWIM has it: newcomers are not probed by all at the same time.
    this.#round.splice(this.#randomBelow(this.#round.length + 1), 0, peer)
  }

  remove(peer: Peer): void {
    this.#byId.delete(peer.id)
    this.circle.splice(this.#place(peer), 1)
    this.#count(peer)
    const turn = this.#round.indexOf(peer)
    this.#round.splice(turn, 1)
    if (turn < this.#next) this.#next--
  }

  /** Alters what is believed of `peer`. */
  set(peer: Peer, incarnation: number, standing: number): void {
    this.#count(peer)
    peer.incarnation = incarnation
    peer.standing = standing
    peer.changed()
    this.#count(peer)
  }

  /** Whose turn it is to be probed; undefined when nobody else is here. */
  turn(): Peer | undefined {
    const round = this.#round
    if (this.#next >= round.length) {
      this.#next = 0
      for (let last = round.length - 1; last > 0; last--) {
        const other = this.#randomBelow(last + 1)
        const peer = round[last] as Peer
        round[last] = round[other] as Peer
        round[other] = peer
      }
    }
    return round[this.#next++]
  }

  /** A peer by chance, never this one. */
  any(): Peer | undefined {
    const others = this.#round
    return others[this.#randomBelow(others.length)]
  }

  /**
   * How far this peer stands behind `peer` on the circle, 0 for the first successor; `limit` when it is
   * that far or farther. Those whose word does not count (parked, joining, suspected) stand behind all others.
   */
  successorRank(peer: Peer, limit: number): number {
    const { circle } = this
    const ownVote = canVote(this.#self)
    let index = this.#place(peer)
    let rank = 0
    let isBehindSelf = false
    for (let step = 1; step < circle.length && rank < limit; step++) {
      index = index + 1 === circle.length ? 0 : index + 1
      const other = circle[index] as Peer
      if (other === this.#self) {
        if (ownVote) return rank
        isBehindSelf = true
      } else if (canVote(other) || (!ownVote && !isBehindSelf && !isSuspected(other.standing))) rank++
    }
    return ownVote ? limit : rank
  }

  /** The peers before this one on the circle, nearest first, of which it is among the first `count` successors. */
  watched(count: number): readonly Peer[] {
    this.#watched ??= this.#findWatched(count)
    return this.#watched
  }

  #findWatched(count: number): Peer[] {
    const { circle } = this
    const watched: Peer[] = []
    let index = this.#place(this.#self)
    let between = 0
    for (let step = 1; step < circle.length && between < count; step++) {
      index = index === 0 ? circle.length - 1 : index - 1
      const other = circle[index] as Peer
      watched.push(other)
      if (canVote(other)) between++
    }
    return watched
  }

  /** Takes what is believed of `peer` into the digests, or out of them. */
  #count(peer: Peer): void {
    this.#watched = undefined
    const part = hashStanding(peer.hash, peer.incarnation, peer.standing)
    this.digests[peer.bucket] = ((this.digests[peer.bucket] as number) ^ part) >>> 0
    this.digest = (this.digest ^ part) >>> 0
  }

  /** Where `peer` stands on the circle, or would. */
  #place(peer: Peer): number {
    const { circle } = this
    let low = 0
    let high = circle.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = circle[middle] as Peer
      if (other.hash < peer.hash || (other.hash === peer.hash && other.id < peer.id)) low = middle + 1
      else high = middle
    }
    return low
  }

  #randomBelow(limit: number): number {
    return Math.floor(this.#runtime.random() * limit)
  }
}

/** Whether the word of `peer` is waited for: a parked peer has no vote, one that comes or is silent may not answer. */
function canVote(peer: Peer): boolean {
  return (peer.standing === ALIVE || peer.standing === LEAVING) && !isSuspected(peer.standing)
}
