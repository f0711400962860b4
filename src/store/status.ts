/** What a peer says of one record that it was offered or sent. */
export const status = {
  /** I lack it, or hold an older state: send it. */
  need: 0,
  /** I hold exactly this, own the key in my view, and will keep it for 20 s. */
  pinned: 1,
  /** I hold it, but do not own the key in my view: this is no acknowledgement. */
  held: 2,
  /** I hold a newer state, and am sending it to you. */
  newer: 3,
  /** I cannot say yet, or its stamp is too far ahead of my clock: offer it again later. */
  ahead: 4,
  /** It was deleted while you were away, and even the tombstone is gone. */
  gone: 5,
  /** I cannot store more. */
  full: 6,
  /** Never sent: no answer came. */
  failed: 255,
} as const
export type Status = number
