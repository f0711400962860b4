import { joinRecords, laterRecord } from './placed-record.js'
import type { SnapshotStore } from './snapshot-store.js'

/** A store of bytes that answers by promises, as a `Store` of the sharded state does that merges by {@link mergeSnapshots}. */
export interface BytesStore {
  get(key: string, options: { fresh: boolean }): Promise<Uint8Array | undefined>
  /** Writes what `change` makes of the value that is there; undefined deletes. */
  update(key: string, change: (kept: Uint8Array | undefined) => Uint8Array | undefined): Promise<unknown>
}

/**
 * Keeps snapshots in a store of the sharded state. They are read fresh: the last one counts, not the
 * nearest. What another wrote that its writer has not seen, at the same time or in the other part of
 * a partition, the store keeps beside its own, and joins when it is read.
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
      let joined = value
      const change = (kept: Uint8Array | undefined): Uint8Array => {
        joined = kept === undefined ? value : joinRecords(kept, value)
        return joined
      }
      store.update(key, change).then(
        () => done(joined),
        (error: Error) => done(joined, error),
      )
    },
    delete(key, last, done) {
      const change = (kept: Uint8Array | undefined): Uint8Array | undefined =>
        kept === undefined || laterRecord(kept, last) !== kept ? undefined : kept
      store.update(key, change).then(() => done(), done)
    },
  }
}

/** Of two values of one key that were written without sight of each other, that of the later epoch with the other beside it. */
export function mergeSnapshots(a: Uint8Array, b: Uint8Array): Uint8Array {
  return joinRecords(a, b)
}
