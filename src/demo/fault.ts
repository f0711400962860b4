/** What can be done to a peer. */
export const faults = ['crash-worker', 'hang-worker', 'kill', 'freeze', 'cut', 'heal'] as const

export type Fault = (typeof faults)[number]

/** Faults of a peer's compute thread: the peer, and so the ring, stay as they are. */
export type WorkerFault = 'crash-worker' | 'hang-worker'

export function isOfWorker(fault: Fault): fault is WorkerFault {
  return fault === 'hang-worker' || fault === 'crash-worker'
}

export function isFault(text: unknown): text is Fault {
  return (faults as readonly unknown[]).includes(text)
}

/**
 * How long a peer is frozen, in milliseconds: it is suspected within three seconds, by a probe and its second try,
 * and nobody is buried before six have gone by (src/membership/constants.ts), so that it lives.
 */
export const freezeFor = 5_000
