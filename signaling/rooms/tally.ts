/** Why somebody was not let in, or was put out; the label of the metric and the word in the log. */
export const refusalReasons = [
  'protocol',
  'bad-frame',
  'frame-too-long',
  'handshake-timeout',
  'room-full',
  'too-many-rooms',
  'too-many-connections',
  'too-many-connections-from-address',
  'too-many-new-connections-from-address',
  'draining',
  'origin',
  'token-missing',
  'token-too-long',
  'token-malformed',
  'token-algorithm',
  'token-signature',
  'token-expired',
  'token-not-yet-valid',
  'token-room',
  'token-peer',
  'token-weight',
  'token-kind',
  'token-spent',
  'token-audience',
  'token-issuer',
  'token-keys-unavailable',
  'id-taken',
  'key',
] as const
export type RefusalReason = (typeof refusalReasons)[number]

/** Everything that is counted, from the start of the instance on. */
export class Tally {
  /** Sockets accepted. */
  connections = 0
  /** Peers that came in. */
  joins = 0
  /** Peers that said goodbye. */
  leaves = 0
  /** Sockets of a peer that was back on a new one. */
  replaced = 0
  /** WebSocket frames read, whatever was in them. */
  frames = 0
  /** Offers, answers and candidates carried. */
  offers = 0
  /** Relay frames carried, and their bytes. */
  relayFrames = 0
  relayBytes = 0
  /** Offers and relay frames for somebody who is not here. */
  unreachable = 0
  /** Times that a socket was read no further for a while, because its peer was over its rate. */
  throttledByFrames = 0
  throttledByBytes = 0
  throttledByRoom = 0
  throttledByAddress = 0
  /** Peers cut off because they read too slowly. */
  slowConsumers = 0
  /** Peers cut off because all of them together read too slowly, and they the slowest. */
  cutForTotal = 0
  /** Sockets on which nothing came any more. */
  idle = 0
  /** Peers put out because their token had expired. */
  expired = 0
  /** Times that the bus was lost. */
  busLosses = 0
  readonly refusals = new Map<RefusalReason, number>()

  refused(reason: RefusalReason): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1)
  }
}
