import type { PeerId, PeerInfo } from '../wire/index.js'
import { type Claim, claimWithInfo } from './claim.js'
import { BUCKETS } from './constants.js'
import { hashId } from './hash.js'
import { RoundTrip } from './round-trip.js'
import { isSuspected, type MemberState, stateOf } from './standing.js'

/** A peer as this one sees it; never altered once made. */
export interface Member extends PeerInfo {
  readonly state: MemberState
  /** Raised by the peer itself with everything it says of itself: a fence against its own past. */
  readonly incarnation: number
  /** Whether it is under suspicion; also of a peer that is parked or joining, which `state` does not tell. */
  readonly suspected: boolean
  /** Smoothed round-trip time in milliseconds; undefined before the first answer. */
  readonly rtt: number | undefined
  /** Milliseconds that one round trip in a hundred exceeds; undefined before the first answer. */
  readonly rtt99: number | undefined
}

/** How far a probe has come. */
export const NO_PROBE = 0
export const FIRST_TRY = 1
export const SECOND_TRY = 2

/**
 * All that is known of one peer that is here. One flat object, altered in place: a cluster of a
 * hundred simulated peers holds ten thousand of them.
 */
export class Peer {
  readonly id: PeerId
  readonly info: PeerInfo
  readonly hash: number
  readonly bucket: number
  incarnation: number
  standing: number
  readonly roundTrip = new RoundTrip()
  /** When any frame of it last came. */
  heardAt = Number.NEGATIVE_INFINITY

  /** Whether it was ever introduced; of one that was not, only that it is gone is known. */
  isKnown = true
  /** When it was last asked whether what others say of it is its own word. */
  askedAt = Number.NEGATIVE_INFINITY
  /** When it died or left, as this peer learnt of it. */
  goneAt = 0
  /** Whether its claim must still introduce it, as others may not know it yet. */
  isNews = true
  /** How often its claim is still to be sent. */
  sends = 0
  #claim: Claim | undefined

  probe: typeof NO_PROBE | typeof FIRST_TRY | typeof SECOND_TRY = NO_PROBE
  probeSequence = 0
  probeAt = 0
  /** Whether the answer to the probe still counts as a round trip: not once it was repeated. */
  isMeasuring = false
  /** When the next try, or the verdict, falls due. */
  probeDue = 0
  /** Answers of helpers, of the kind nack. */
  nacks = 0
  helpers = 0

  /** When the silence began that the suspicion is about. */
  suspectedAt = 0
  /** Hashes of those who saw the silence themselves. */
  voters: number[] = []
  isLastCalled = false
  /** Whether it stands in the list of suspects, of probes, of hints; they are swept when they are next run. */
  isListedSuspect = false
  isListedProbe = false
  isListedHint = false
  /** When a hint came that nothing answered yet; NaN without. */
  hintedAt = Number.NaN
  /** Whether the hint is only what others believe: then our own probe must fail before anyone is buried. */
  isDoubted = false
  /** Whether a group of later successors still has to probe after the hint. */
  hintProbeAt = Number.POSITIVE_INFINITY
  /** Whether the signalling server has a socket of it; undefined when it did not say. */
  socketOpen: boolean | undefined = undefined

  constructor(info: PeerInfo, incarnation: number, standing: number) {
    this.id = info.id
    this.info = info
    this.hash = hashId(info.id)
    this.bucket = this.hash % BUCKETS
    this.incarnation = incarnation
    this.standing = standing
  }

  /** A frame answered the hint, or it is past. */
  forgetHint(): void {
    this.hintedAt = Number.NaN
    this.isDoubted = false
    this.hintProbeAt = Number.POSITIVE_INFINITY
  }

  /** What this peer says of it to others. */
  get claim(): Claim {
    this.#claim ??= this.#made()
    return this.#claim
  }

  /** To be called after any change of what the claim says. */
  changed(): void {
    this.#claim = undefined
  }

  #made(): Claim {
    const { id, incarnation, standing } = this
    if (isSuspected(standing)) {
      return this.voters.length === 0
        ? [id, incarnation, standing]
        : [id, incarnation, standing, this.voters.slice()]
    }
    return this.isNews ? claimWithInfo(this.info, incarnation, standing) : [id, incarnation, standing]
  }

  member(): Member {
    const { info, standing, incarnation, roundTrip } = this
    return {
      id: info.id,
      kind: info.kind,
      weight: info.weight,
      host: info.host,
      state: stateOf(standing),
      incarnation,
      suspected: isSuspected(standing),
      rtt: roundTrip.smoothed,
      rtt99: roundTrip.percentile99,
    }
  }
}
