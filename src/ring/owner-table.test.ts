import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { Contender } from './contender.js'
import { partitions } from './key-position.js'
import { firstAt, OwnerTable } from './owner-table.js'

// Each table has 131,072 owners to be checked.
vi.setConfig({ testTimeout: 60_000 })

type Nodes = readonly { readonly id: string; readonly weight: number }[]

const contendersOf = (nodes: Nodes): Map<string, Contender> =>
  new Map(nodes.map(({ id, weight }) => [id, new Contender(id, weight)]))

const equalNodes = (count: number): Nodes =>
  Array.from({ length: count }, (_, index) => ({ id: `peer-${index}`, weight: 1 }))

/** The partitions whose owner in the table is not the one by definition, out of every `step`-th. */
function wrong(table: OwnerTable, nodes: Nodes, step: number): number[] {
  const contenders = [...contendersOf(nodes).values()].reverse()
  const differing: number[] = []
  for (let partition = 0; partition < partitions; partition += step) {
    if (table.ownerOf(partition) !== contenders[firstAt(contenders, partition)]?.id) differing.push(partition)
  }
  return differing
}

const nodeSets = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 15 }).map((index) => `peer-${index}`),
    weight: fc.oneof(fc.constantFrom(1, 2, 4), fc.double({ min: 1e-3, max: 1e3, noNaN: true })),
  }),
  { selector: ({ id }) => id, maxLength: 16 },
)

describe('a table', () => {
  test.each([1, 2, 3, 17, 64, 300])('filled for %i nodes holds the owners by definition', (count) => {
    const nodes = equalNodes(count).map(({ id }, index) => ({ id, weight: 1 + (index % 4) / 3 }))
    const table = OwnerTable.of(contendersOf(nodes), OwnerTable.empty)
    expect(wrong(table, nodes, 7)).toEqual([])
  })

  test('adapted from any other holds the owners by definition', () => {
    fc.assert(
      fc.property(fc.array(nodeSets, { minLength: 2, maxLength: 4 }), (sets) => {
        let table = OwnerTable.empty
        for (const nodes of sets) {
          table = OwnerTable.of(contendersOf(nodes), table)
          expect(wrong(table, nodes, 13)).toEqual([])
        }
      }),
      { numRuns: 15 },
    )
  })

  test('adapted one node after another, in and out and by weight, still holds them', () => {
    const changes = fc.array(
      fc.record({ id: fc.integer({ min: 0, max: 59 }), weight: fc.constantFrom(0, 0.3, 1, 2, 50) }),
      { minLength: 40, maxLength: 60 },
    )
    fc.assert(
      fc.property(changes, (taken) => {
        const weights = new Map(equalNodes(40).map(({ id, weight }) => [id, weight]))
        let table = OwnerTable.empty
        let nodes: Nodes = []
        for (const { id, weight } of taken) {
          if (weight === 0) weights.delete(`peer-${id}`)
          else weights.set(`peer-${id}`, weight)
          nodes = [...weights].map(([id, weight]) => ({ id, weight }))
          table = OwnerTable.of(contendersOf(nodes), table)
        }
        expect(wrong(table, nodes, 5)).toEqual([])
      }),
      { numRuns: 4 },
    )
  })

  test('that grew from one node to two hundred is the one filled at once', () => {
    let table = OwnerTable.empty
    for (let count = 1; count <= 200; count++) table = OwnerTable.of(contendersOf(equalNodes(count)), table)
    const filled = OwnerTable.of(contendersOf(equalNodes(200)), OwnerTable.empty)
    const owners = (of: OwnerTable): string => Array.from(of.slots, (slot) => of.ids[slot]).join()
    expect(owners(table) === owners(filled)).toBe(true)
    for (const [slot, id] of table.ids.entries())
      expect(table.count(slot)).toBe(filled.count(filled.ids.indexOf(id)))
  })
})
