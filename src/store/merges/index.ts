import { counterAlgebra } from './counter.js'
import { mapAlgebra } from './map.js'
import type { Algebra } from './merge.js'
import { setAlgebra } from './set.js'

declare const held: unique symbol

/** One of the merges that every peer knows: what `counter()`, `set()` and `map()` return. */
export interface Merge<Value> {
  readonly name: 'counter' | 'set' | 'map'
  /** Only in types: the value that a store with this merge holds. */
  readonly [held]?: Value
}

interface Known extends Merge<unknown> {
  readonly algebra: Algebra<never>
}

const known = (name: Known['name'], algebra: unknown): Known => ({ name, algebra: algebra as Algebra<never> })

const merges = {
  counter: known('counter', counterAlgebra),
  set: known('set', setAlgebra),
  map: known('map', mapAlgebra),
}

/**
 * A number that keeps every concurrent change: writing it means adding the difference to what was
 * read.
 *
 * @example
 * ```ts
 * const hits = mesh.store('hits', { merge: counter() })
 * await hits.update('page', (n) => (n ?? 0) + 1)
 * ```
 */
export function counter(): Merge<number> {
  return merges.counter as Merge<number>
}

/**
 * A `Set` that keeps every concurrent change: an element stays when one adds it while another
 * removes it.
 *
 * @example
 * ```ts
 * const tags = mesh.store('tags', { merge: set<string>() })
 * await tags.update('post', (old) => new Set(old).add('new'))
 * ```
 */
export function set<Element>(): Merge<ReadonlySet<Element>> {
  return merges.set as Merge<ReadonlySet<Element>>
}

/**
 * An object that keeps concurrent changes of different fields; of the same field the later wins.
 *
 * @example
 * ```ts
 * const profiles = mesh.store('profiles', { merge: map<string>() })
 * await profiles.update('ada', (old) => ({ ...old, city: 'London' }))
 * ```
 */
export function map<Field>(): Merge<Readonly<Record<string, Field>>> {
  return merges.map as Merge<Readonly<Record<string, Field>>>
}

/** The algebra behind one of the known merges; undefined for anything else. */
export function algebraOf(merge: unknown): Algebra<never> | undefined {
  return Object.values(merges).find((candidate) => candidate === merge)?.algebra
}
