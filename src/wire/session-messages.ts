import * as v from 'valibot'
import { limits } from './limits.js'
import { defineMessage, priorities } from './message.js'

const { membership } = priorities
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** Any bytes: also those in memory that workers share, which `Uint8Array` alone leaves out. */
const anyBytes: new () => Uint8Array = Uint8Array
const bytes = v.pipe(v.instance(anyBytes), v.maxLength(limits.frameBytes))
/** Each encoded message takes at least two bytes and a byte for its length, so a frame holds no more. */
export const mostMessages = limits.frameBytes / 3
const messages = v.pipe(v.array(bytes), v.maxLength(mostMessages))

/**
 * What links themselves say to each other, one message a frame, except `session.dial`, which
 * travels by the signalling service. Numbers count parts: whole messages, and pieces of long ones.
 */
export const sessionMessages = [
  /** Encoded messages `first`, `first + 1`, …; `acknowledged` parts of yours have been delivered here. */
  defineMessage(0, 'session.data', membership, { first: natural, acknowledged: natural, messages }),
  /**
   * Part `number`: a piece, at `offset`, of an encoded message of `total` bytes that was urgent as
   * `lane` says. Pieces of one lane come in order and do not mix.
   */
  defineMessage(1, 'session.piece', membership, {
    number: natural,
    acknowledged: natural,
    lane: v.picklist([0, 1, 2, 3]),
    total: v.pipe(natural, v.maxValue(limits.messageBytes)),
    offset: natural,
    piece: bytes,
  }),
  /** Nothing to send now, but this much of yours has been delivered. */
  defineMessage(2, 'session.acknowledge', membership, { acknowledged: natural }),
  /** Messages that want no number and no second try: by the time it came, membership would know better. */
  defineMessage(3, 'session.loose', membership, { messages }),
  /**
   * The first frame on every link: my session is `session` (a later one of the same peer is
   * greater), I take yours to be `peerSession` (0: I know of none), and of that one I have
   * delivered `received` parts. `answer`: this replies to a greeting, and so proves the link.
   */
  defineMessage(4, 'session.hello', membership, {
    protocol: natural,
    session: natural,
    peerSession: natural,
    received: natural,
    answer: v.boolean(),
  }),
  /** Answer with the same stamp at once; for the link's round-trip time. */
  defineMessage(5, 'session.echo', membership, { stamp: natural, answer: v.boolean() }),
  /** I close this link, and why. */
  defineMessage(6, 'session.close', membership, { reason: v.pipe(v.string(), v.maxLength(128)) }),
  /**
   * By signalling: part of the dial numbered `dial` by its caller. An empty `payload` says that the
   * dial came to nothing at the sender's end; with `dial` 0 it is sent by the one who is called:
   * please dial me again.
   */
  defineMessage(7, 'session.dial', membership, { dial: natural, payload: bytes }),
] as const
