/** Every number of this room: its unit, why that value, and where it comes from. Times are milliseconds. */
export const settings = {
  /**
   * How long a task stays with a worker that is not heard from. Above the 5.9 s after which a killed
   * tab's channel shows it and the few seconds of a suspicion, so that membership, which is surer,
   * decides first; short enough for a person to wait.
   */
  lease: 15_000,
  /** How often a worker renews all it holds of one coordinator: two renewals may be lost or late. */
  renewEvery: 5_000,
  /** How often leases are looked at. */
  sweepEvery: 1_000,
  /** A sweep that comes this late proves only that this peer slept: 2.5 of its ticks, as membership has it. */
  slept: 2_500,
  /** Attempts before a task is a dead letter. */
  attempts: 5,
  /** Full jitter (Brooker, AWS Architecture Blog, 2015): a retry waits random · min(longest, first · 2^n). */
  firstBackoff: 100,
  longestBackoff: 10_000,
  /** The wait for a peer that defined the task: joining takes under 3 s, and an offer one round trip. */
  workersWait: 5_000,
  /** How often peers that said nothing yet are asked what they have defined. */
  askEvery: 1_000,
  /** Default time for a task, its waiting and its retries included. */
  timeout: 300_000,
  /** The longest time-out that platforms' timers take (2^31 − 1, HTML and Node). */
  longestTimeout: 2_147_483_647,
  /** Tasks that one peer may have submitted and not settled, and bytes of their inputs. */
  queueTasks: 10_000,
  queueBytes: 64 * 1024 * 1024,
  /** The least share of the turns, against a greatest of 1,000: a millionth is as good as none. */
  leastWeight: 0.001,
  /** Credit a worker grants, as a multiple of its concurrency: one running, one on its way. */
  creditFactor: 2,
  /**
   * A task may wait at a worker behind those that run if a round trip is at least one part in this
   * many of a run: without it the worker would be idle for more than a twentieth of its time.
   */
  prefetchBelow: 20,
  /** Tasks that one worker holds for all coordinators together; only a crowd of coordinators comes near. */
  heldTasks: 4_096,
  /** A round trip while none is known: a mobile network's, so that credit is used in full until then. */
  unknownRoundTrip: 100,
  /** The most that `Busy` asks a caller to wait. */
  longestRetryAfter: 30_000,
  /** A worker that said that it is busy is left alone for this long by who heard it. */
  busyPause: 100,
  /** Bytes queued to a peer above which it is given no more: about 30 ms of a data channel's 30 MB/s. */
  linkBytes: 1024 * 1024,
  /** From this size on inputs and results travel as bulk, behind calls: one message of RFC 8831's safe size. */
  bulkBytes: 16 * 1024,
  /** Results are noted this often, so that many share one message. */
  noteEvery: 100,
  /** A result that was not noted for this long is said again. */
  sayAgain: 2_000,
  /** Progress of one task is told at most this often; the latest value wins. */
  progressEvery: 50,
  /** Failed tasks that are kept for inspection; the oldest goes first. */
  deadLetters: 1_000,
  /** Results kept for a second call with the same key. */
  keyedResults: 1_000,
  /** How long they are kept. */
  keyedResultsFor: 600_000,
  /** Time for running tasks to end when this peer leaves; the mesh itself gives 30 s to all rooms together. */
  drain: 10_000,
  /** Time that a task in a thread has to obey its signal before the thread is ended. */
  abortGrace: 1_000,
  /** Milliseconds of short tasks that are posted ahead to a thread: far below what a person or a queue notices. */
  postAhead: 2,
  /** Tasks that are posted ahead at most: past this many, one message's cost is spread thin enough. */
  mostAhead: 64,
  /** Samples over which the duration of tasks in threads is smoothed; many come in one message, at one time. */
  tookSamples: 64,
  /** The greatest credit that a message can carry. */
  mostCredit: 65_536,
  /** How long the result of a durable task is kept for who asks next: 24 hours. */
  keepResults: 86_400_000,
  /** Successors on the ring that may be leaving at a time before a queue stays with one that leaves. */
  dispatchers: 3,
  /** Time for the dispatcher before to say what it has under way, and for an owner to take a word in. */
  handover: 3_000,
  /** Durable queues that one peer dispatches at most. */
  queues: 1_024,
  /** Durable tasks that a dispatcher has under way at most, and at least. */
  durableWindow: 256,
  leastInFlight: 8,
  /** How often a result is tried to be recorded: with full jitter from 100 ms to 10 s, about half a minute. */
  recordTries: 10,
  /** The wait before a result that too few copies confirmed is asked for again: about when a cut peer is given up. */
  confirmEvery: 2_000,
  /** How often a dispatcher looks at all records of its queues, in case a word was lost. */
  lookEvery: 60_000,
  /** Ring changes come in bursts; so long after the last one, one peer looks for queues that nobody claimed. */
  searchAfter: 1_000,
  /** Shares of the turns of the three priorities when all wait: none starves. */
  priorityShares: { high: 16, normal: 4, low: 1 },
} as const
