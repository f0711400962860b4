import { InvalidOption } from '../../errors/index.js'
import { packValue, unpackValue } from '../../wire/index.js'
import { kinds } from './kinds.js'
import { type Algebra, byText, joinSorted } from './merge.js'

/** Of one writer: the number of its last addition, and of the last that somebody removed. */
type Dots = readonly [writer: string, added: number, removed: number]
type Element = readonly [packed: string, dots: readonly Dots[]]

/**
 * A set that keeps every concurrent change: removing takes away the additions that the remover has
 * seen, so an addition made meanwhile stays (an observed-remove set; Shapiro et al., 2011, with
 * additions counted by writer). An element that was removed leaves some 30 bytes until the key is
 * deleted.
 */
export const setAlgebra: Algebra<ReadonlySet<unknown>> = {
  kind: kinds.set,
  join: (a, b) =>
    joinSorted(a as readonly Element[], b as readonly Element[], ([packed, one], [, other]) => [
      packed,
      joinSorted(one, other, ([writer, p, m], [, q, n]) => [writer, Math.max(p, q), Math.max(m, n)]),
    ]),
  read(state) {
    const elements = new Set<unknown>()
    for (const [packed, dots] of state as readonly Element[])
      if (isThere(dots)) elements.add(unpackValue(bytesOf(packed)))
    return elements
  },
  write(previous, next, { writer, sequence }) {
    if (!(next instanceof Set))
      throw new InvalidOption('put.value', next, 'must be a Set in a store that merges by set()')
    const wanted = new Set<string>()
    for (const element of next) wanted.add(textOf(packValue(element)))
    const changes: Element[] = []
    for (const [packed, dots] of (previous ?? []) as readonly Element[]) {
      const isWanted = wanted.delete(packed)
      if (isWanted && !isThere(dots)) changes.push([packed, [[writer, sequence, 0]]])
      else if (!isWanted && isThere(dots))
        changes.push([packed, dots.map(([id, added]): Dots => [id, added, added])])
    }
    for (const packed of wanted) changes.push([packed, [[writer, sequence, 0]]])
    return changes.sort(([a], [b]) => byText(a, b))
  },
}

function isThere(dots: readonly Dots[]): boolean {
  return dots.some(([, added, removed]) => added > removed)
}

/** Bytes as text of one character each, so that they sort and compare as keys do. */
function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
