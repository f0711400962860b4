import type { SnapshotStore } from './snapshot-store.js'

/** A store of bytes that answers by promises, as a `Store` of the sharded state does. */
export interface BytesStore {
  get(key: string, options: { fresh: boolean }): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<unknown>
  delete(key: string): Promise<unknown>
}

/** Keeps snapshots in a store of the sharded state. They are read fresh: the last one counts, not the nearest. */
export function storedSnapshots(store: BytesStore): SnapshotStore {
  return {
    get(key, done) {
      store.get(key, { fresh: true }).then(
        (value) => done(value),
        (error: Error) => done(undefined, error),
      )
    },
    put(key, value, done) {
      store.put(key, value).then(() => done(), done)
    },
    delete(key, done) {
      store.delete(key).then(() => done(), done)
    },
  }
}
