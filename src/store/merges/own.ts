import { packValue, unpackValue } from '../../wire/index.js'
import type { Version } from '../clock.js'
import { kinds } from './kinds.js'
import { type Algebra, byText, joinSorted } from './merge.js'

type Sibling = readonly [version: Version, content: Uint8Array]
/** Of each writer the stamp (the first 16 digits) of the last write that is in, or was replaced. */
type Seen = readonly [writer: string, stamp: string]
type Siblings = readonly [siblings: readonly Sibling[], seen: readonly Seen[]]

/** Values side by side at most; beyond, the oldest go. Concurrency of so many writers that none saw another is not met. */
const mostSiblings = 32

/**
 * Values that an application merges by a function of its own. Replicas need not have that function:
 * they keep what was written concurrently side by side (dotted version vectors; Preguiça et al.,
 * 2010), the reader merges, and the next write replaces what its writer has seen.
 */
export function ownAlgebra<Value>(merge: ((a: Value, b: Value) => Value) | undefined): Algebra<Value> {
  return {
    kind: kinds.own,
    join(a, b) {
      const [left, seenLeft] = a as Siblings
      const [right, seenRight] = b as Siblings
      const stays = (sibling: Sibling, others: readonly Sibling[], seen: readonly Seen[]) =>
        others.some(([version]) => version === sibling[0]) || !covers(seen, sibling[0])
      const kept = joinSorted(
        left.filter((sibling) => stays(sibling, right, seenRight)),
        right.filter((sibling) => stays(sibling, left, seenLeft)),
        (one) => one,
      )
      const seen = joinSorted(seenLeft, seenRight, (one, other) => (other[1] > one[1] ? other : one))
      return [kept.slice(-mostSiblings), seen]
    },
    read(state) {
      const [siblings] = state as Siblings
      const values = siblings.map(([, content]) => unpackValue(content) as Value)
      if (merge === undefined) return values.at(-1) as Value
      return values.reduce(merge)
    },
    write(previous, next, { version }) {
      const [, seen] = (previous ?? [[], []]) as Siblings
      const own: Seen = [writerOf(version), stampOf(version)]
      const all = joinSorted(seen, [own], (one, other) => (other[1] > one[1] ? other : one))
      return [[[version, packValue(next)]], all.sort(([a], [b]) => byText(a, b))]
    },
  }
}

function covers(seen: readonly Seen[], version: Version): boolean {
  const writer = writerOf(version)
  return seen.some(([id, stamp]) => id === writer && stamp >= stampOf(version))
}

const stampOf = (version: Version) => version.slice(0, 16)
const writerOf = (version: Version) => version.slice(17)
