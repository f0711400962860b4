/**
 * Where placed processes keep their snapshots: the sharded state, or anything that outlives a peer.
 * A value is a packed record of an epoch, and one of a later epoch is never replaced by one of an
 * earlier: an owner that was cut off goes on writing for a while. What it writes is kept beside.
 * Every callback is called exactly once and never before the call returns.
 */
export interface SnapshotStore {
  /** The latest value of `key` that can be found; undefined where there is none. */
  get(key: string, done: (value: Uint8Array | undefined, error?: Error) => void): void
  /**
   * Keeps a value, joined with what others keep; `done` once it will outlive this peer, with what is
   * kept then, or would be.
   */
  put(key: string, value: Uint8Array, done: (joined: Uint8Array, error?: Error) => void): void
  /** Lets go of what is kept, unless it is of a later epoch than `last`. */
  delete(key: string, last: Uint8Array, done: (error?: Error) => void): void
}
