import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import { type Claim, infoOf, votersOf } from './claim.js'
import { INCARNATION_LEAP, MEMBERS_LIMIT, PROBE_PERIOD } from './constants.js'
import type { Greetings } from './greetings.js'
import type { OwnWord } from './own-word.js'
import { Peer } from './peer.js'
import { DEAD, isGone, isSuspected, LEFT, ownStanding, supersedes } from './standing.js'
import { type Verdicts, voterOf } from './verdicts.js'

/** Merges what others say: the higher incarnation, then the greater standing; see `standing.ts`. */
export class Hearsay {
  readonly #beliefs: Beliefs
  readonly #verdicts: Verdicts
  readonly #greetings: Greetings
  readonly #ownWord: OwnWord
  readonly #lacks: (from: PeerId, now: number) => void

  /** @param lacks - called when `from` speaks of a peer that we never heard of, and does not say who it is */
  constructor(
    beliefs: Beliefs,
    verdicts: Verdicts,
    greetings: Greetings,
    ownWord: OwnWord,
    lacks: (from: PeerId, now: number) => void,
  ) {
    this.#beliefs = beliefs
    this.#verdicts = verdicts
    this.#greetings = greetings
    this.#ownWord = ownWord
    this.#lacks = lacks
  }

  /** @param isTable - whether it comes out of a table, which may be old, and not as news */
  merge(claim: Claim, from: PeerId, isTable: boolean): void {
    const [id, incarnation, standing] = claim
    const { self, table, runtime } = this.#beliefs
    if (id === self.id) {
      this.#ownWord.refute(incarnation, standing, from)
      return
    }
    const now = runtime.now()
    const peer = table.get(id)
    if (peer === undefined) {
      this.#mergeAbsent(claim, from, now)
      return
    }
    if (isLeap(incarnation, peer.incarnation) && from !== id) {
      this.#greetings.ask(peer, now)
      return
    }
    if (isLeap(peer.incarnation, incarnation) && from !== id) {
      // What we believe of it or what they do is a lie. One that is gone can take none back: look.
      if (isGone(standing)) this.#verdicts.doubt(peer, voterOf(this.#beliefs, from), now)
      else this.#greetings.ask(peer, now)
      return
    }
    if (incarnation === peer.incarnation && isSuspected(standing) && isSuspected(peer.standing)) {
      this.#beliefs.suspect(peer, votersOf(claim), now, now)
      this.#verdicts.judge(peer, now)
      return
    }
    const isNewer = isPlanted('no-incarnation-check')
      ? standing !== peer.standing
      : supersedes(incarnation, standing, peer.incarnation, peer.standing) || exposes(claim, from, peer)
    if (!isNewer) return
    if (standing === LEFT) this.#beliefs.bury(peer, incarnation, LEFT, from === id, now)
    else if (standing === DEAD) this.#mergeDeath(peer, incarnation, from, isTable, now)
    else if (isSuspected(standing)) this.#mergeSuspicion(peer, claim, from, now)
    else this.#beliefs.set(peer, incarnation, standing, from === id, now)
  }

  #mergeSuspicion(peer: Peer, claim: Claim, from: PeerId, now: number): void {
    const [id, incarnation, standing] = claim
    // We missed what the peer last said of itself.
    if (incarnation > peer.incarnation) {
      this.#beliefs.set(peer, incarnation, ownStanding(standing), from === id, now)
    }
    if (this.#beliefs.suspect(peer, votersOf(claim), now, now)) this.#verdicts.confirm(peer, now)
    this.#verdicts.judge(peer, now)
  }

  /**
   * A death is believed as news. It is looked into first where it comes out of a table (which may
   * be from the other side of a partition) or where the dead was heard of just now.
   */
  #mergeDeath(peer: Peer, incarnation: number, from: PeerId, isTable: boolean, now: number): void {
    const isHinted = !Number.isNaN(peer.hintedAt) && !peer.isDoubted
    const isFresh = peer.heardAt + 2 * PROBE_PERIOD > now
    if (isHinted || (!isTable && !isFresh)) {
      this.#beliefs.bury(peer, incarnation, DEAD, false, now)
      return
    }
    if (incarnation > peer.incarnation) {
      this.#beliefs.set(peer, incarnation, ownStanding(peer.standing), false, now)
    }
    this.#verdicts.doubt(peer, voterOf(this.#beliefs, from), now)
  }

  #mergeAbsent(claim: Claim, from: PeerId, now: number): void {
    const [id, incarnation, standing] = claim
    const gone = this.#beliefs.gone.get(id)
    if (gone !== undefined) {
      if (isLeap(incarnation, gone.incarnation) && from !== id) {
        this.#greetings.ask(gone, now)
        if (!isGone(standing)) this.#greetings.correct(gone, from, now)
        return
      }
      if (isLeap(gone.incarnation, incarnation) && !isGone(standing)) this.#greetings.ask(gone, now)
      const isNewer =
        isPlanted('no-incarnation-check') ||
        supersedes(incarnation, standing, gone.incarnation, gone.standing) ||
        exposes(claim, from, gone)
      if (!isNewer) {
        if (!isGone(standing)) this.#greetings.correct(gone, from, now)
        return
      }
      if (isLeap(gone.incarnation, incarnation) && !isGone(standing)) this.#greetings.ask(gone, now)
    }
    if (isGone(standing)) this.#mergeGone(claim, gone, now)
    else this.#mergeArrival(claim, gone, from, now)
  }

  #mergeGone([id, incarnation, standing]: Claim, gone: Peer | undefined, now: number): void {
    if (gone === undefined) {
      const unknown = new Peer({ id, kind: 'tab', weight: 0, host: id }, incarnation, standing)
      unknown.isKnown = false
      this.#beliefs.rememberGone(unknown, now)
      return
    }
    const before = gone.member()
    const isOther = gone.standing !== standing
    gone.incarnation = incarnation
    gone.standing = standing
    gone.changed()
    this.#beliefs.spread(gone, now)
    if (isOther && gone.isKnown) this.#beliefs.emit(gone, before)
  }

  #mergeArrival(claim: Claim, gone: Peer | undefined, from: PeerId, now: number): void {
    const [id, incarnation, standing] = claim
    const remembered = gone?.isKnown ? gone : undefined
    const info = remembered?.info ?? infoOf(claim)
    if (info === undefined) {
      this.#lacks(from, now)
      return
    }
    const { table, queue } = this.#beliefs
    if (table.size >= MEMBERS_LIMIT) return
    const before = remembered?.member()
    if (gone !== undefined) {
      this.#beliefs.gone.delete(gone)
      queue.remove(gone)
    }
    const peer = remembered ?? new Peer(info, incarnation, standing)
    peer.incarnation = incarnation
    peer.standing = ownStanding(standing)
    this.#greetings.met(id)
    this.#beliefs.admit(peer, from === id, now, before)
    if (isSuspected(standing)) {
      this.#beliefs.suspect(peer, votersOf(claim), now, now)
      this.#verdicts.confirm(peer, now)
    }
    if (before?.state === 'dead') this.#greetings.healed(now)
  }
}

/**
 * Whether `peer` itself says so little that what is believed of it cannot have been true: somebody lied
 * before it was known here, or step by step. Only then does an incarnation fall. A word of its own that
 * is merely late is nearer than that.
 */
function exposes([, incarnation]: Claim, from: PeerId, peer: Peer): boolean {
  return from === peer.id && isLeap(peer.incarnation, incarnation)
}

/** Whether nobody but the peer itself may say so: it raises its incarnation step by step. */
function isLeap(incarnation: number, known: number): boolean {
  return incarnation > known + INCARNATION_LEAP
}
