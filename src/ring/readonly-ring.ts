/** An arc of the circle, `from` (exclusive) to `to` (inclusive) in [0, 1), whose owner differs between two rings. */
export interface RingArc {
  readonly from: number
  readonly to: number
  readonly before: string | undefined
  readonly after: string | undefined
}

/** A hash ring that may be read and not changed. */
export interface ReadonlyRing {
  /** The node that owns `key`; undefined on an empty ring. */
  owner(key: string | Uint8Array): string | undefined
  /**
   * The first min(count, size) distinct nodes on the circle from `key` on; `[0]` is the owner.
   * @param spread - names the failure domain of a node; nodes of domains not taken yet come first
   */
  owners(key: string | Uint8Array, count: number, spread?: (id: string) => string): string[]
  nodes(): { readonly id: string; readonly weight: number }[]
  has(id: string): boolean
  readonly size: number
  /** Hexadecimal digest of the members and weights; equal exactly when the rings are. */
  readonly digest: string
  /** The exact fraction of the key space that `id` owns. */
  share(id: string): number
  /** The arcs whose owner differs in `other`. */
  diff(other: ReadonlyRing): RingArc[]
}
