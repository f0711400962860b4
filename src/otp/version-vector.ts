import { type Epoch, isLater } from './placed-epoch.js'

/** One state of a placed process: what it was in an epoch after so many messages. */
export interface PlacedVersion extends Epoch {
  /** Messages that its process had handled. */
  readonly handled: number
}

/** As much as an owner can have handled: what it hands over itself has all in it that it ever held. */
export const allHandled = Number.MAX_SAFE_INTEGER

/**
 * Of each epoch the last state that is in a snapshot: what was started from it, handed over or merged
 * (version vectors; Parker et al., 1983). Two snapshots of which neither has the other in it were
 * taken on two sides of a partition. An owner may have run two epochs of which the later knew nothing
 * of the earlier, so one does not stand for the other; with {@link allHandled} it does.
 */
export type VersionVector = readonly PlacedVersion[]

/**
 * Epochs that a vector names; the earliest are forgotten first, as Dynamo truncates its clocks. What
 * is forgotten too early would be merged once more.
 */
const mostVersions = 16

/** Whether that state, or a later one of its epoch, is in a snapshot. */
export function isIncluded(vector: VersionVector, version: PlacedVersion): boolean {
  return vector.some((one) => covers(one, version))
}

/** What is in a snapshot that takes in all of these. */
export function including(vector: VersionVector, ...more: readonly PlacedVersion[]): VersionVector {
  const all: PlacedVersion[] = []
  for (const { owner, epoch, handled } of [...vector, ...more]) {
    const version = { owner, epoch, handled }
    if (isIncluded(all, version)) continue
    all.splice(0, all.length, ...all.filter((one) => !covers(version, one)), version)
  }
  return all.sort((a, b) => (isLater(a, b) ? -1 : 1)).slice(0, mostVersions)
}

function covers(one: PlacedVersion, { owner, epoch, handled }: PlacedVersion): boolean {
  if (one.owner !== owner) return false
  return one.handled === allHandled ? one.epoch >= epoch : one.epoch === epoch && one.handled >= handled
}
