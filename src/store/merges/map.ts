import { InvalidOption } from '../../errors/index.js'
import { packValue, unpackValue } from '../../wire/index.js'
import type { Version } from '../clock.js'
import { kinds } from './kinds.js'
import { type Algebra, byText, joinSorted } from './merge.js'

/** A field, when it was written last, and its packed value; null where it was taken out. */
type Field = readonly [name: string, version: Version, content: Uint8Array | null]

/**
 * An object whose fields are written one by one: concurrent changes of different fields are all
 * kept, and of the same field the later wins. A field that was taken out leaves some 50 bytes until
 * the key is deleted.
 */
export const mapAlgebra: Algebra<Readonly<Record<string, unknown>>> = {
  kind: kinds.map,
  join: (a, b) =>
    joinSorted(a as readonly Field[], b as readonly Field[], (one, other) =>
      other[1] > one[1] ? other : one,
    ),
  read(state) {
    const value: Record<string, unknown> = {}
    for (const [name, , content] of state as readonly Field[]) {
      if (content === null) continue
      // A field may have any name, `__proto__` too, which an assignment would not make a field.
      Object.defineProperty(value, name, {
        value: unpackValue(content),
        configurable: true,
        enumerable: true,
        writable: true,
      })
    }
    return value
  },
  write(previous, next, { version }) {
    if (typeof next !== 'object' || next === null || Array.isArray(next))
      throw new InvalidOption('put.value', next, 'must be an object in a store that merges by map()')
    const wanted = new Map<string, Uint8Array>()
    for (const [name, value] of Object.entries(next))
      if (value !== undefined) wanted.set(name, packValue(value))
    const changes: Field[] = []
    for (const [name, , content] of (previous ?? []) as readonly Field[]) {
      const now = wanted.get(name)
      wanted.delete(name)
      if (now === undefined ? content !== null : content === null || !isEqual(now, content))
        changes.push([name, version, now ?? null])
    }
    for (const [name, content] of wanted) changes.push([name, version, content])
    return changes.sort(([a], [b]) => byText(a, b))
  },
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
