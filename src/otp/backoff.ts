import type { Runtime } from '../runtime/index.js'

/** Waits between restarts, with full jitter: a random time up to `first`, doubled each time, never above `max`. */
export interface Backoff {
  /** Milliseconds. */
  readonly first: number
  /** Milliseconds; a child that has run for so long begins at `first` again. */
  readonly max: number
}

/** Doublings after which every sensible `max` is reached, and 2 to that power is still exact. */
const mostDoublings = 30

/**
 * The wait before restart number `attempt` (0 for the first), with full jitter: uniform between 0
 * and the doubled bound, which spreads many clients best ("Exponential Backoff and Jitter", AWS 2015).
 */
export function backoffDelay(backoff: Backoff, attempt: number, runtime: Pick<Runtime, 'random'>): number {
  const bound = Math.min(backoff.max, backoff.first * 2 ** Math.min(attempt, mostDoublings))
  return runtime.random() * bound
}
