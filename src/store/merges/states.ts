import { packValue, unpackValue } from '../../wire/index.js'
import type { Version } from '../clock.js'
import type { Held } from '../held.js'
import { counterAlgebra } from './counter.js'
import { kinds } from './kinds.js'
import { mapAlgebra } from './map.js'
import type { Algebra, State } from './merge.js'
import { ownAlgebra } from './own.js'
import { setAlgebra } from './set.js'

/** The algebras by the kind in records: every replica can join every kind. */
const algebras = new Map<number, Algebra<never>>([
  [kinds.counter, counterAlgebra as Algebra<never>],
  [kinds.set, setAlgebra as unknown as Algebra<never>],
  [kinds.map, mapAlgebra as Algebra<never>],
  [kinds.own, ownAlgebra<never>(undefined)],
])

/** A state, and the deletion that it comes after ('' for none): states of before are of no account. */
export interface Epoch {
  readonly reset: Version | ''
  readonly state: State | undefined
}

/** Takes content apart. A deleted key is an epoch of nothing. */
export function epochOf(held: Held | undefined): Epoch {
  if (held === undefined) return { reset: '', state: undefined }
  if (held.content === null) return { reset: held.version, state: undefined }
  const [reset, state] = unpackValue(held.content) as [Version | '', State]
  return { reset, state }
}

export function packEpoch(reset: Version | '', state: State): Uint8Array {
  return packValue([reset, state])
}

/**
 * Joins two records of a kind that merges. A deletion ends an epoch: it takes with it all that was
 * written without knowing of it, also what was written at the same time.
 */
export function joinStates<A extends Held>(a: A, b: Held): A | Held {
  try {
    return joined(a, b)
  } catch {
    // A peer sent what is no state of this kind: nothing can be joined, so the later stands.
    return b.version > a.version ? b : a
  }
}

function joined<A extends Held>(a: A, b: Held): A | Held {
  if (a.content === null && b.content === null) return b.version > a.version ? b : a
  const one = epochOf(a)
  const other = epochOf(b)
  if (one.reset !== other.reset) return one.reset > other.reset ? a : b
  if (one.state === undefined) return other.state === undefined ? a : b
  const algebra = algebras.get(a.kind)
  if (other.state === undefined || algebra === undefined) return a
  const [, version = a.version] = [a.version, b.version].sort()
  const content = packEpoch(one.reset, algebra.join(one.state, other.state))
  if (version === a.version && isSame(content, a.content)) return a
  return { kind: a.kind, version, content }
}

function isSame(a: Uint8Array, b: Uint8Array | null): boolean {
  if (b === null || a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}
