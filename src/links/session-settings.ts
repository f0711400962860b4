/** How much a session with one peer may hold, and when it acknowledges. */
export const sessionSettings = {
  /**
   * Bytes of the longest frame: every browser takes 64 KiB (RFC 8841, section 6), and what stands before the
   * messages in it needs room too. Longer messages are cut. A message of 16 KiB cost 912 µs of all processors over a
   * raw channel, 928 in frames of this length, 949 in those of 32 KiB and 1,001 in those of 16 KiB.
   */
  longFrameBytes: 60 * 1024,
  /**
   * Of the shortest that messages are cut for: where only one frame of bulk may be under way, as urgent messages
   * keep coming, and so the least that is left to bulk. RFC 8831 takes 16 KiB for the longest message that does not
   * keep others waiting; those of 16 KiB are cut in two, and the 99th percentile of urgent echoes fell by a third.
   */
  shortFrameBytes: 12 * 1024,
  /** The longest frame as a share of what may be under way, so that `acknowledgeFrames` are half of that. */
  frameShare: 0.25,
  /** Bytes that stand before a message in a frame, at most. */
  partHeadBytes: 5,
  /**
   * Bytes that may be under way unacknowledged, at most: 100 ms of a connection of 80 Mbit/s.
   */
  windowBytes: 1024 * 1024,
  /** The window to begin with. */
  firstWindowBytes: 128 * 1024,
  /** The least: four frames, so that some are under way while others are acknowledged. */
  leastWindowBytes: 96 * 1024,
  /**
   * Milliseconds of queueing that the window settles at where only bulk is under way: as long waits the first urgent
   * message after a pause. Between two tabs on two cores 20 gave 0.94 to 0.99 of a raw channel's speed, 32 with twice
   * the high water 0.90 and 0.92 in a slower hour: their processors are what is short, not the queue.
   */
  queueingDelay: 20,
  /** The same as a share of the shortest delay, where that is more: without it a long way would never be filled. */
  queueingShare: 0.25,
  /**
   * How long an urgent message may wait behind bulk, as a share of the time since the one before it. Of a raw
   * channel's speed bulk gets 0.25 between two tabs of two cores while urgent messages come one upon another, which
   * then wait 0.4 ms; 0.45 to 0.6 with one every 20 ms (2 ms), 0.7 to 0.85 with one every 100 ms (7 ms). Half of this
   * share gave 1.3 ms at 0.3 and 2.9 ms at 0.6.
   */
  waitingShare: 0.1,
  /**
   * How much of what the way holds without a queue is filled with bulk right behind an urgent message. On a long way
   * that is nearly all: at 10 MB/s and 50 ms bulk keeps two thirds of its speed beside an urgent message each millisecond.
   */
  yieldingShare: 0.9,
  /**
   * Milliseconds of the delay of a frame that has the way for itself which pages spend on it, not the way: bulk that
   * were under way for their sake would wait in line for their processors.
   */
  handlingDelay: 2,
  /**
   * Bulk that does not count: less than this may be under way before a frame that is said to have the way for itself,
   * and ride in one frame with urgent messages.
   */
  crumbBytes: 1024,
  /** Parts that may be under way: what a window of the smallest messages would cost is not in their bytes. */
  windowParts: 16_384,
  /**
   * The same on the relay: its socket is shared by all peers and does not say when it has drained,
   * so that acknowledgements are the only brake.
   */
  relayWindowBytes: 128 * 1024,
  /** Bytes of `link.buffered` above which nothing more is handed to the link, where the window would allow it. */
  highWater: 512 * 1024,
  /**
   * The same for answers to what the peer may ask as often as it likes: twice as much, as only a link that is not
   * read, or not carried on, ever holds that. What is not answered is asked again.
   */
  answerHighWater: 1024 * 1024,
  /** The same for messages that go around the session: they are few, and late ones are worthless. */
  looseHighWater: 512 * 1024,
  /** Bytes of a frame of those: longer ones are no such messages. */
  looseFrameBytes: 32 * 1024,
  /**
   * Bytes of each lane's queue, by priority; a lane takes one more message while it is below. Who fills one in a single
   * task keeps the page from hearing acknowledgements meanwhile: 4 MiB of bulk take 10 to 20 ms to hand over, less than
   * the window lasts.
   */
  laneBytes: [256 * 1024, 1024 * 1024, 4 * 1024 * 1024, 4 * 1024 * 1024],
  /** Messages of each lane's queue: what a million empty ones would cost is not in their bytes. */
  laneMessages: 65_536,
  /**
   * Acknowledge at once when this many bytes have come since the last time: half of a short frame, as one that was cut
   * for being longer makes two, and its sender may wait for just that one.
   */
  acknowledgeBytes: 6 * 1024,
  /**
   * But where a longer frame came, as many bytes as so many of it hold: its sender has four of them under way
   * (`frameShare`). Acknowledging each cost a message of 16 KiB 4 % more processor time.
   */
  acknowledgeFrames: 2,
  /**
   * Within so many milliseconds of the last acknowledgement as many bytes as four of it hold, which its sender may
   * have under way in any case: the window lasts for `queueingDelay` and more, four times this. At 30 MB/s a message of
   * 16 KiB so costs 1.4 % less processor time than with an acknowledgement of every second frame.
   */
  acknowledgePause: 5,
  acknowledgeMostFrames: 4,
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
