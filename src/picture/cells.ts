import type { ReadonlyRing } from '../index.js'

/** Equal arcs that a ring is cut into (ARCHITECTURE, ring). */
const partitions = 131_072

/** Cells of the band: one every half degree, each as wide as two pixels. */
export const cellCount = 720

/** A ring that tells who owns a partition: a `HashRing`. */
interface PartitionedRing extends ReadonlyRing {
  ownerOf(partition: number): string | undefined
}

/**
 * Owners of 720 of the ring's arcs, evenly spaced. All of them would be finer than a pixel, and to list them with
 * `diff` takes hundreds of milliseconds; these take less than one.
 */
export function cellsOf(ring: ReadonlyRing): readonly (string | undefined)[] {
  if (!('ownerOf' in ring)) return []
  const partitioned = ring as PartitionedRing
  return Array.from({ length: cellCount }, (_, cell) =>
    partitioned.ownerOf(Math.floor(((cell + 0.5) / cellCount) * partitions)),
  )
}
