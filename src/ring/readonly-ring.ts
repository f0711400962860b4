/** A node of a ring. */
export interface RingNode {
  readonly id: string
  /** Its share of the keys, relative to the other nodes' weights. */
  readonly weight: number
}

/**
 * An arc of the circle, `from` (inclusive) to `to` (exclusive) with 0 ≤ from < to ≤ 1, whose owner differs between
 * two rings.
 */
export interface RingArc {
  readonly from: number
  readonly to: number
  readonly before: string | undefined
  readonly after: string | undefined
}

/** How owners of one key shall differ, beyond being distinct. */
export interface Spread {
  /** The failure domain of a node: owners are of distinct ones as far as there are enough. */
  domain(id: string): string
  /**
   * A node of a kind that every key shall have among its owners, where there is one: an edge worker. From two
   * owners on the last one gives way to the first such node, if there is none among them.
   */
  anchor?(id: string): boolean
}

/** A hash ring that may be read and not changed. */
export interface ReadonlyRing {
  /** The node that owns `key`; undefined on an empty ring. */
  owner(key: string | Uint8Array): string | undefined
  /**
   * The first min(count, size) distinct nodes for `key`, in the order in which they follow when one goes;
   * `[0]` is the owner.
   * @param spread - names the failure domain of a node, and more if need be; nodes of domains not taken yet
   * come first
   */
  owners(key: string | Uint8Array, count: number, spread?: ((id: string) => string) | Spread): string[]
  /** In the order of their ids. */
  nodes(): RingNode[]
  has(id: string): boolean
  readonly size: number
  /** Hexadecimal digest of the members and weights; equal exactly when the rings are. */
  readonly digest: string
  /** The exact fraction of the key space that `id` owns; 0 for a node that is not there. */
  share(id: string): number
  /** The arcs whose owner differs in `other`, in the order of the circle. */
  diff(other: ReadonlyRing): RingArc[]
}
