/**
 * Known bugs that the simulator's own tests can switch on, one at a time, to prove that its
 * invariants would find them. Each stands where the mistake would be made, as one `isPlanted(…)`
 * beside the right code, so that the simulator judges the very code that ships.
 *
 * Only {@link plantBug} switches one on, and the room's door does not export it.
 */
export type PlantedBug =
  // membership
  | 'late-timer-verdict'
  | 'no-wake-sync'
  | 'hint-as-verdict'
  | 'no-incarnation-check'
  // ring
  | 'cursor-by-index'
  | 'ring-insertion-order'
  // links
  | 'resend-without-dedupe'
  | 'ack-before-delivery'
  | 'upgrade-drops-relay'
  // store
  | 'push-once'
  | 'drop-after-one-ack'
  | 'drop-unpinned'
  | 'unbounded-clock'
  | 'tombstone-dropped-early'
  | 'tombstone-without-missing'
  | 'hint-counted-as-write'
  | 'watch-misses-move'
  // tasks
  | 'lease-renewed-by-busy-worker'
  | 'stale-fence-accepted'
  | 'credit-leaked-on-abort'
  // processes
  | 'no-epoch-check'
  | 'former-goes-on'
  | 'stop-before-ack'
  | 'restart-counted-per-child'
  | 'name-freed-late'

const planted = new Set<PlantedBug>()

/** Whether the wrong way is to be taken here. False outside of the simulator's own tests. */
export function isPlanted(bug: PlantedBug): boolean {
  return planted.size !== 0 && planted.has(bug)
}

/**
 * Switches a bug on for the whole process. For tests of the simulator only: import this file
 * directly.
 *
 * @returns the function that switches it off again
 */
export function plantBug(bug: PlantedBug): () => void {
  planted.add(bug)
  return () => {
    planted.delete(bug)
  }
}
