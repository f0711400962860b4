import type { Version } from './clock.js'

/** What is held under a key: a version and a packed value or state; null where the key was deleted. */
export interface Held {
  /** How values merge: a number of `merges/kinds.ts`. */
  readonly kind: number
  readonly version: Version
  readonly content: Uint8Array | null
}
