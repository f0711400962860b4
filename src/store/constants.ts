/** How far ahead of this peer's wall clock a stamp may be, in milliseconds: more is quarantined (DESIGN, State). Good enough for machines without NTP, too little to poison the clocks of others for long. */
export const aheadLimit = 10_000

/** Longest time in milliseconds that `put`, `get` and `delete` take before they reject with `Timeout`: twice the 5 s in which a crash is noticed. */
export const requestTimeout = 10_000

/** Milliseconds after which a read asks the next owner too: well above the round trip of a healthy link, below what a person notices. */
export const hedgeAfter = 250

/** Bytes of records in one transfer frame: RFC 8831's safe message size, so that a call waits behind one frame at most. */
export const frameBytes = 16 * 1024

/** Transfer frames under way to one peer: 8 × 16 KiB is what a 20 ms, 50 Mbit/s path holds. */
export const framesInFlight = 8

/** Positions (key and version) in one offer: about 16 KiB at 64 bytes each. */
export const offerLength = 256

/** Bytes queued for a peer above which transfers wait: a quarter of the 1 MiB that a browser buffers before it slows. */
export const queueHigh = 256 * 1024

/** Milliseconds between two looks at a full queue. */
export const queueRetry = 20

/** Milliseconds that an offer or transfer frame waits for its answer. */
export const exchangeTimeout = 10_000

/** Milliseconds for which an owner promises to keep what it acknowledged in a handoff (DESIGN, State, handoff 3). */
export const pinTime = 20_000

/** The oldest that the first acknowledgement of a handoff round may be when a copy is dropped (DESIGN, State, handoff 3). */
export const roundLimit = 4_000

/** Milliseconds for which a key that one peer was asked for is not asked of another: a frame's time on a slow link. */
export const awaitTime = 2_000

/** Foreign keys in one handoff round. */
export const roundLength = 512

/** Milliseconds before a handoff round that did not get every acknowledgement is tried again, doubled up to sixteen times this. */
export const roundRetry = 500

/** Milliseconds before what a peer could not take yet is offered to it again, doubled up to as long as a key is awaited from another. */
export const bringRetry = 200
export const longestBringRetry = awaitTime

/** Keys looked at in one go when the rings changed, so that a page with many keys stays responsive: about 2 ms. */
export const scanLength = 1_000

/**
 * Milliseconds for which a change waits so that it is written to storage together with its successors; `durable` does
 * not wait. Every transaction takes time of the page and of the browser that calls wait for: with 30 ms the median put
 * of `bench/store` took a quarter longer. Below what is lost with a page that crashes, as a deletion takes as long to be typed.
 */
export const writeDelay = 250

/** Milliseconds between two batches where more waits than one takes, and before a medium that failed is tried again. */
export const batchPause = 30
export const writeRetry = 1_000

/** Changes in one batch to storage. */
export const batchLength = 512

/** Milliseconds between two comparisons with a co-owner (DESIGN, State, anti-entropy). */
export const compareEvery = 10_000

/** Milliseconds between two comparisons just after members changed, when something may have been missed. */
export const compareSoon = 1_000

/**
 * Milliseconds in which all co-owners are compared with then, and between two of them at least: one comparison sends
 * some 600 bytes, so that a peer of a large mesh sends 6 KB a second.
 */
export const compareAll = 4_000
export const compareNext = 100

/** Milliseconds that a hint is kept for a suspected peer, and the bytes of keys for one peer (DESIGN, State, anti-entropy). */
export const hintTime = 5 * 60_000
export const hintBytes = 4 * 1024 * 1024

/** Milliseconds that a tombstone is kept at least (DESIGN, State, anti-entropy). */
export const tombstoneTime = 60 * 60_000

/** For how many of a tombstone's lives one waits for those who are missing: 24 make a day of an hour, which a night's sleep of a machine is within. */
export const absencePatience = 24

/** Missing peers that are remembered: 70 bytes each, and a mesh of hundreds of tabs loses fewer in a day without a word. */
export const mostAbsences = 1_000

/** How many peers tell one who came who is missing, about: that none does has a chance of 1 in 3,000. */
export const absenceTellers = 8

/** Old tombstones that a peer keeps for those who are missing, at about 300 bytes each; above, it waits for nobody. */
export const mostOldTombstones = 100_000

/** Milliseconds before an owner that gained ranges asks again whether it was sent everything. */
export const coverRetry = 1_000

/**
 * Milliseconds after which a peer counts as settled though not everybody answered. Below the bound of `joining` (30 s),
 * so that all owners agree within 30 s of the last fault also where views are late.
 */
export const coverLimit = 25_000

/**
 * Milliseconds that is waited for what a hidden tab may still have to bring: its keys have other owners, and it may be
 * asleep or gone for the minute that membership grants it before it says so (src/membership, PARKED_PATIENCE).
 */
export const parkedCoverLimit = 2_000

/** Bytes of a value by default, packed. */
export const defaultValueBytes = 1024 * 1024

/** Bytes of a key as UTF-8. */
export const keyBytes = 1024

/** Bytes of keys and values that one peer holds by default: a quarter of the 2 GiB or so that a tab may have. */
export const heldBytes = 512 * 1024 * 1024

/** Copies that one key may have at most: more cost every write and add nothing that a person could lose. */
export const mostReplicas = 16

/** Keys of which a session remembers what it saw, and the bytes of their values. */
export const sessionKeys = 50_000
export const sessionBytes = 8 * 1024 * 1024
