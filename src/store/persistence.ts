/** One change of a batch: bytes to keep, or undefined to forget the key. */
export type Change = readonly [key: string, value: Uint8Array | undefined]

/**
 * Where a peer keeps its share of the state between page loads or process starts: a flat map from
 * string keys to bytes. Adapters: IndexedDB by idb-keyval, LevelDB by classic-level, memory; one
 * contract test runs against all. This is an edge of the deterministic floors, so it speaks in
 * callbacks, each called exactly once and never before the call returns.
 */
export interface Persistence {
  /** Reads everything that is there, in no particular order, then calls `done`. */
  load(entry: (key: string, value: Uint8Array) => void, done: (error: Error | undefined) => void): void
  /**
   * Writes a batch whole or not at all. `durable`: also past a power failure where the medium can
   * (fsync), and `done` waits for it. A full medium answers with an error named `QuotaExceededError`.
   */
  write(batch: readonly Change[], durable: boolean, done: (error: Error | undefined) => void): void
  /** True where a write with `durable` survives the end of the process and of the machine's power. */
  readonly durable: boolean
  /** Finishes what is under way and lets the medium go. */
  close(done: () => void): void
}
