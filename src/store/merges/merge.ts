import type { PeerId } from '../../wire/index.js'
import type { Version } from '../clock.js'

/** The packed form of a state: what MessagePack takes, with every list in a fixed order. */
export type State = unknown

/** Who writes, and when. */
export interface Writing {
  /** Unique to this page, and to a key's life: see `Writers`. */
  readonly writer: PeerId
  readonly version: Version
  /** A number that this writer has never used before and that grows. */
  readonly sequence: number
}

/**
 * How concurrent writes of a key become one value. A write travels as a small state that says only
 * what it changes; `join` of two states is commutative, associative and idempotent (a delta-state
 * CRDT; Almeida, Shoker and Baquero, 2018).
 */
export interface Algebra<Value> {
  readonly kind: number
  /** The least state that contains both. */
  join(a: State, b: State): State
  /** The value that a state stands for. */
  read(state: State): Value
  /** What changes when `next` is written by one who has seen `previous`. */
  write(previous: State | undefined, next: Value, writing: Writing): State
}

/** Compares two texts by their UTF-16 units, as sorting does. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * Joins two lists that are sorted by the text in front of every item. Items in one list only are
 * kept; of those in both, `join` makes one.
 */
export function joinSorted<Item extends readonly [string, ...unknown[]]>(
  a: readonly Item[],
  b: readonly Item[],
  join: (a: Item, b: Item) => Item,
): Item[] {
  const joined: Item[] = []
  let left = 0
  let right = 0
  for (;;) {
    const one = a[left]
    const other = b[right]
    if (one === undefined && other === undefined) return joined
    const order = one === undefined ? 1 : other === undefined ? -1 : byText(one[0], other[0])
    if (order <= 0) left++
    if (order >= 0) right++
    if (order < 0) joined.push(one as Item)
    else if (order > 0) joined.push(other as Item)
    else joined.push(join(one as Item, other as Item))
  }
}
