import type { Epoch } from './placed-epoch.js'

/** One state of a placed process: what it was in an epoch after so many messages. */
export interface PlacedVersion extends Epoch {
  /** Messages that its process had handled. */
  readonly handled: number
}

/**
 * Of each owner the last state that is in a snapshot, in the order of the owners: what was started
 * from it, handed over or merged (version vectors; Parker et al., 1983). Two snapshots of which
 * neither has the other in it were taken on two sides of a partition.
 */
export type VersionVector = readonly PlacedVersion[]

/**
 * Owners that a vector names; those of the earliest epochs are forgotten first, as Dynamo truncates
 * its clocks. What is forgotten too early would be merged once more.
 */
const mostOwners = 16

/** Whether that state, or a later one of its owner, is in a snapshot. */
export function isIncluded(vector: VersionVector, { owner, epoch, handled }: PlacedVersion): boolean {
  const last = vector.find((version) => version.owner === owner)
  if (last === undefined) return false
  return last.epoch === epoch ? last.handled >= handled : last.epoch > epoch
}

/** What is in a snapshot that takes in all of these. */
export function including(vector: VersionVector, ...more: readonly PlacedVersion[]): VersionVector {
  const lasts = new Map<string, PlacedVersion>()
  for (const { owner, epoch, handled } of [...vector, ...more]) {
    const last = lasts.get(owner)
    if (last === undefined || !isIncluded([last], { owner, epoch, handled }))
      lasts.set(owner, { owner, epoch, handled })
  }
  return [...lasts.values()]
    .sort((a, b) => b.epoch - a.epoch || (a.owner < b.owner ? -1 : 1))
    .slice(0, mostOwners)
    .sort((a, b) => (a.owner < b.owner ? -1 : 1))
}
