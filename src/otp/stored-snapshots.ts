import { laterRecord } from './placed-record.js'
import type { SnapshotStore } from './snapshot-store.js'

/** A store of bytes that answers by promises, as a `Store` of the sharded state does that merges by {@link mergeSnapshots}. */
export interface BytesStore {
  get(key: string, options: { fresh: boolean }): Promise<Uint8Array | undefined>
  /** Writes what `change` makes of the value that is there; undefined deletes. */
  update(key: string, change: (kept: Uint8Array | undefined) => Uint8Array | undefined): Promise<unknown>
}

/**
 * Keeps snapshots in a store of the sharded state. They are read fresh: the last one counts, not the
 * nearest. What a writer sees of a later epoch it leaves; what it does not see, as another writes at
 * the same time or in the other part of a partition, is kept beside its own, and the later is read.
 */
export function storedSnapshots(store: BytesStore): SnapshotStore {
  return {
    get(key, done) {
      store.get(key, { fresh: true }).then(
        (value) => done(value),
        (error: Error) => done(undefined, error),
      )
    },
    put(key, value, done) {
      const change = (kept: Uint8Array | undefined): Uint8Array =>
        kept === undefined || laterRecord(kept, value) !== kept ? value : kept
      store.update(key, change).then(() => done(), done)
    },
    delete(key, last, done) {
      const change = (kept: Uint8Array | undefined): Uint8Array | undefined =>
        kept === undefined || laterRecord(kept, last) !== kept ? undefined : kept
      store.update(key, change).then(() => done(), done)
    },
  }
}

/** Of two values of one key that were written without sight of each other, the one of the later epoch. */
export function mergeSnapshots(a: Uint8Array, b: Uint8Array): Uint8Array {
  return laterRecord(a, b) ?? (comesAfter(a, b) ? a : b)
}

/** Any order will do, the same everywhere: two values of one epoch are of one writer, who replaces its own. */
function comesAfter(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return a.length > b.length
  const index = a.findIndex((byte, at) => byte !== b[at])
  return index >= 0 && (a[index] as number) > (b[index] as number)
}
