/**
 * Where placed processes keep their snapshots: the sharded state, or anything that outlives a peer.
 * Every callback is called exactly once and never before the call returns.
 */
export interface SnapshotStore {
  /** The latest value of `key` that can be found; undefined where there is none. */
  get(key: string, done: (value: Uint8Array | undefined, error?: Error) => void): void
  /** Keeps a value; `done` once it will outlive this peer. */
  put(key: string, value: Uint8Array, done: (error?: Error) => void): void
  delete(key: string, done: (error?: Error) => void): void
}
