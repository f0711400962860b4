import { InvalidOption } from '../../errors/index.js'
import { kinds } from './kinds.js'
import { type Algebra, joinSorted } from './merge.js'

/** What each writer has added and taken away in all; both only grow. */
type Tally = readonly [writer: string, added: number, removed: number]

/**
 * A number that keeps every concurrent change: what each writer added and took away is counted by
 * itself (a PN-counter; Shapiro et al., 2011). Writing a number means changing it by the
 * difference to the one that was read.
 */
export const counterAlgebra: Algebra<number> = {
  kind: kinds.counter,
  join: (a, b) =>
    joinSorted(a as readonly Tally[], b as readonly Tally[], ([writer, p, m], [, q, n]) => [
      writer,
      Math.max(p, q),
      Math.max(m, n),
    ]),
  read(state) {
    let sum = 0
    for (const [, added, removed] of state as readonly Tally[]) sum += added - removed
    return sum
  },
  write(previous, next, { writer }) {
    if (typeof next !== 'number' || !Number.isFinite(next))
      throw new InvalidOption(
        'put.value',
        next,
        'must be a finite number in a store that merges by counter()',
      )
    const tallies = (previous ?? []) as readonly Tally[]
    const [, added, removed] = tallies.find(([id]) => id === writer) ?? [writer, 0, 0]
    const change = next - counterAlgebra.read(tallies)
    return [[writer, added + Math.max(0, change), removed + Math.max(0, -change)]]
  },
}
