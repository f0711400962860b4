/** How much a session with one peer may hold, and when it acknowledges. */
export const sessionSettings = {
  /**
   * Bytes of a piece of a long message. Half of the 64 KiB that every browser takes (RFC 8841, section
   * 6), as a second frame under way keeps the channel from falling idle; with the 16 KiB of RFC 8831
   * each byte cost a tenth more processor time.
   */
  pieceBytes: 32 * 1024,
  /**
   * Messages up to this size are not cut, and small ones are put together up to it: what is cut at
   * 32 KiB by somebody and the envelopes around it make one frame, not one and a crumb.
   */
  wholeBytes: 36 * 1024,
  /**
   * Bytes that may be under way unacknowledged, at most: 100 ms of a connection of 80 Mbit/s.
   */
  windowBytes: 1024 * 1024,
  /** The window to begin with. */
  firstWindowBytes: 128 * 1024,
  /** The least: three frames, so that one is under way while another is acknowledged. */
  leastWindowBytes: 96 * 1024,
  /**
   * Milliseconds of queueing that the window settles at where only bulk is under way. Between two tabs on two
   * cores, of a raw channel's speed: 2 gave 0.85, 4 0.86, 6 0.92 to 0.97, 8 and 9 0.98 to 1.0; where those cores
   * were a third slower, 8 gave 0.89 and 12 1.0.
   */
  queueingDelay: 10,
  /** The same as a share of the shortest delay, where that is more: without it a long way would never be filled. */
  queueingShare: 0.25,
  /** How much of what the way holds without a queue is filled with bulk while urgent messages keep coming. */
  yieldingShare: 0.7,
  /**
   * Bytes of bulk that may be under way even then, and of its pieces: what RFC 8831 takes for the longest
   * message that does not keep others waiting.
   */
  leastUnqueuedBytes: 16 * 1024,
  yieldingPieceBytes: 16 * 1024,
  /** What may be under way before a frame that is said to have the way for itself: a few urgent messages. */
  crumbBytes: 1024,
  /** Parts that may be under way: what a window of the smallest messages would cost is not in their bytes. */
  windowParts: 16_384,
  /**
   * The same on the relay: its socket is shared by all peers and does not say when it has drained,
   * so that acknowledgements are the only brake.
   */
  relayWindowBytes: 128 * 1024,
  /** Bytes of `link.buffered` above which nothing more is handed to the link, where the window would allow it. */
  highWater: 256 * 1024,
  /** The same for messages that go around the session: they are few, and late ones are worthless. */
  looseHighWater: 256 * 1024,
  /** Bytes of each lane's queue, by priority; a lane takes one more message while it is below. */
  laneBytes: [256 * 1024, 1024 * 1024, 4 * 1024 * 1024, 8 * 1024 * 1024],
  /** Messages of each lane's queue: what a million empty ones would cost is not in their bytes. */
  laneMessages: 65_536,
  /**
   * Acknowledge at once when this many bytes have come since the last time: with every full frame, as the
   * sender may wait for just that one to be acknowledged (`leastUnqueuedBytes`).
   */
  acknowledgeBytes: 12 * 1024,
  /** And otherwise after one to two times this many milliseconds, so that the sender may forget what it keeps. */
  acknowledgeDelay: 25,
  /**
   * Milliseconds without any acknowledgement after which what is under way is sent again over the
   * same link; doubled up to `longestOverdue` while none comes. A data channel loses nothing, but a
   * relay does while the other end is without its server. RFC 6298 has 1 s and 60 s; three, as a
   * page that is busy may take that long to answer.
   */
  overdue: 3_000,
  longestOverdue: 60_000,
  /** Bytes of every piece but the last, at least, so that pieces cannot cost more than they carry. */
  leastPieceBytes: 1024,
} as const
