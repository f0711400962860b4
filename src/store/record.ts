import type { Version } from './clock.js'
import { basis, finished, hashBytesOnto, otherBasis } from './hash.js'
import type { Held } from './held.js'
import { kinds } from './merges/kinds.js'
import { joinStates } from './merges/states.js'

/** A record with its place: what travels and what is stored. */
export interface StoreRecord extends Held {
  readonly store: string
  readonly replicas: number
  readonly key: string
}

/** A record as the wire carries it. */
export type WireRecord = [
  store: string,
  replicas: number,
  key: string,
  kind: number,
  version: Version,
  content: Uint8Array | null,
]

/** The name of one state of a key, as in an offer. */
export type Position = [store: string, replicas: number, key: string, mark: string]

/**
 * Names the state of a record exactly. A version does for values that are written whole; of values
 * that merge, two states may share the latest version, so a hash of the content is added.
 */
export function markOf(held: Held): string {
  if (held.kind === kinds.last || held.content === null) return held.version
  const high = finished(hashBytesOnto(basis, held.content))
  const low = finished(hashBytesOnto(otherBasis, held.content))
  return `${held.version}~${high.toString(16)}.${low.toString(16)}`
}

/**
 * The least state that contains both: commutative, associative and idempotent, so that replicas
 * agree whatever order and however often records reach them. Returns `a` itself where `b` adds
 * nothing.
 */
export function join<A extends Held>(a: A, b: Held): A | Held {
  if (a.kind !== b.kind || a.kind === kinds.last) return b.version > a.version ? b : a
  return joinStates(a, b)
}

export function toWire(record: StoreRecord): WireRecord {
  return [record.store, record.replicas, record.key, record.kind, record.version, record.content]
}

export function fromWire(record: WireRecord): StoreRecord {
  const [store, replicas, key, kind, version, content] = record
  return { store, replicas, key, kind, version, content }
}

/** About how many bytes a record takes on the wire. */
export function sizeOf(record: StoreRecord): number {
  return (
    record.store.length + record.key.length + record.version.length + (record.content?.byteLength ?? 0) + 12
  )
}
