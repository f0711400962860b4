/**
 * Mistakes that can be switched on, so that the simulator can show that it would have found them:
 * each one names the place that reads it. A room adds its own here. Nothing outside of tests plants
 * any, and no entry of the package exports these functions.
 */
export const plantedBugs = [
  /** HashRing: what a node ranks first depends on when it was added. */
  'ring that depends on insertion order',
  /** RoundRobin: the cursor is a place in the list and not a member. */
  'cursor by index',
  /** Membership: a probe's time-out counts however late its timer fired. */
  'verdict on a late timer',
  /** Membership: a peer that slept goes on with the probes it had under way. */
  'no wake sync',
  /** Membership: a closed channel or socket is a death. */
  'hint as verdict',
  /** Membership: hearsay of an older incarnation is believed. */
  'no incarnation check',
] as const

/** The name of a mistake that can be planted. */
export type PlantedBug = (typeof plantedBugs)[number]

const planted = new Set<PlantedBug>()

/**
 * Switches a mistake on for this whole process; for the simulator's own tests.
 *
 * @returns the way back
 *
 * @example
 * ```ts
 * const pull = plantBug('cursor by index')
 * try { expect(simulate(seed).failure).toBeDefined() } finally { pull() }
 * ```
 */
export function plantBug(name: PlantedBug): () => void {
  planted.add(name)
  return () => {
    planted.delete(name)
  }
}

/** Whether a mistake is switched on; false in production, at the cost of one comparison. */
export function isPlanted(name: PlantedBug): boolean {
  return planted.size !== 0 && planted.has(name)
}
