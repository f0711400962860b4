import * as v from 'valibot'

const count = v.pipe(
  v.number('must be a number'),
  v.integer('must be whole'),
  v.minValue(1, 'must be at least 1'),
)

/**
 * What one instance grants, each with its default. Every limit that is reached is counted in a
 * metric and named in the log.
 */
export const signalLimits = v.strictObject({
  /** Sockets at one time. At about 20 KiB each the default is 400 MB, which a small machine has. */
  connections: v.optional(count, 20_000),
  /** Sockets at one time from one address: an office behind one address, and no more. */
  connectionsPerAddress: v.optional(count, 1_000),
  /**
   * New sockets a second from one address for long; ten times as many in one burst, as all those of
   * an office are that come back at once after a restart.
   */
  newConnectionsPerAddress: v.optional(count, 100),
  /** Rooms with a peer on this instance. */
  rooms: v.optional(count, 10_000),
  /** Peers in one room, over all instances. A full mesh of 48 tabs takes 25 s to form; 256 leaves room for partial ones. */
  peersPerRoom: v.optional(count, 256),
  /** Bytes in one frame: a relay frame of 64 KiB, as large as a channel's, and 1 KiB for what is around it. */
  frameBytes: v.optional(count, 65 * 1024),
  /** Frames a second that one peer may send for long; twice as many in one burst. Beyond it, its socket is read no faster. */
  framesPerSecond: v.optional(count, 2_000),
  /**
   * WebSocket frames a second from all sockets of one address for long, pings and parts of messages included; as many
   * in one burst: two peers at their own limit, or a hundred that relay 50 a second. Beyond it, they are all read no faster.
   */
  framesPerSecondPerAddress: v.optional(count, 5_000),
  /** Bytes a second that one peer may send for long; twice as many in one burst. Beyond it, its socket is read no faster. */
  bytesPerSecond: v.optional(count, 8 * 1024 * 1024),
  /** Bytes a second relayed within one room, on this instance; twice as many in one burst. Beyond it, its senders are read no faster. */
  relayBytesPerSecond: v.optional(count, 32 * 1024 * 1024),
  /** Bytes that wait for one peer to read them. A peer that reads slower than it is written to is cut off here. */
  bufferedBytes: v.optional(count, 4 * 1024 * 1024),
  /**
   * The same for all peers together, passed by a sixteenth at most: of 512 MiB, which is little for a container, an
   * eighth. Beyond it, those with the most unread are cut off first.
   */
  bufferedBytesTotal: v.optional(count, 64 * 1024 * 1024),
  /** Milliseconds from the socket's opening to the welcome. RFC 6298's first retransmissions (1 + 2 + 4 s) fit in. */
  handshakeMilliseconds: v.optional(count, 10_000),
  /** Milliseconds of silence, pings unanswered, until a socket counts as lost. */
  idleMilliseconds: v.optional(count, 30_000),
})

/** The limits of one instance, all filled in. */
export type SignalLimits = v.InferOutput<typeof signalLimits>

/** The limits when nothing else is asked for. */
export const defaultLimits: SignalLimits = v.parse(signalLimits, {})
