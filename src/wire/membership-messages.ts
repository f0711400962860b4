import * as v from 'valibot'
import { defineMessage, priorities } from './message.js'
import { peerId } from './peer.js'

const { membership } = priorities

/** Counts the probes of one peer; wraps at 2^16, so that it costs three bytes at most. */
const sequence = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff))

/**
 * Raised only by the peer it speaks of. 2^40 leaves room for one raise a millisecond over 34 years
 * and stays an exact integer in a double.
 */
const incarnation = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 40))

/** 0 joining, 1 alive, 2 parked, 3 leaving; 4 to 7 the same four under suspicion; 8 dead; 9 left. See `src/membership/standing.ts`. */
const standing = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(9))

/** 32 bits: the hash of an id, or of a set of claims. */
const hash = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff))

/**
 * What somebody says of a peer: `[id, incarnation, standing]`; of a suspect also who saw its
 * silence, as hashes of their ids; of a peer that may be news also its kind (0 a tab, 1 an edge
 * worker), weight and host.
 */
const claim = v.union([
  v.strictTuple([peerId, incarnation, standing]),
  v.strictTuple([peerId, incarnation, standing, v.pipe(v.array(hash), v.maxLength(8))]),
  v.strictTuple([
    peerId,
    incarnation,
    standing,
    v.picklist([0, 1]),
    v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1000)),
    peerId,
  ]),
])

/** News that ride on another message: usually none, which costs one byte. */
const news = v.pipe(v.array(claim), v.maxLength(16))

/** SWIM with Lifeguard, in ten bytes a message as long as nothing happens. */
export const membershipMessages = [
  /** Are you there? `digest` is over all that the sender believes, so that a difference is noticed. */
  defineMessage(16, 'membership.ping', membership, { sequence, digest: hash, news }),
  /** I am (answering a ping), or: it is (answering a probe that I was asked for). */
  defineMessage(17, 'membership.ack', membership, { sequence, news }),
  /** Ping `target` for me: I get no answer from it. */
  defineMessage(18, 'membership.probe', membership, { sequence, target: peerId, news }),
  /** I pinged it for you and hear nothing either; but you and I can hear each other. */
  defineMessage(19, 'membership.nack', membership, { sequence }),
  /** News alone. */
  defineMessage(20, 'membership.gossip', membership, { news: v.pipe(v.array(claim), v.maxLength(64)) }),
  /** The first word between two peers, with the sender's claim about itself; `answer` asks for the like. */
  defineMessage(21, 'membership.hello', membership, { answer: v.boolean(), news }),
  /** Push-pull, first step: a digest for each of 32 buckets of peers. Silence means that all are equal. */
  defineMessage(22, 'membership.sync', membership, {
    digests: v.pipe(v.array(hash), v.length(32)),
    news,
  }),
  /** Push-pull, second step: all that the sender believes of the peers in `buckets` (a bit each); `answer` asks for what it lacks. */
  defineMessage(23, 'membership.table', membership, {
    buckets: hash,
    answer: v.boolean(),
    claims: v.pipe(v.array(claim), v.maxLength(1024)),
  }),
] as const
