import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import { type NodeOption, RoundRobin } from './index.js'
import { keyPosition } from './key-position.js'

const take = (turn: RoundRobin, count: number, skip?: (id: string) => boolean): string =>
  Array.from({ length: count }, () => turn.next(skip === undefined ? {} : { skip }) ?? '-').join(' ')

const nodeSets = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 30 }).map((index) => `n${index}`),
    weight: fc.oneof(fc.constantFrom(1, 2, 5), fc.double({ min: 0.1, max: 20, noNaN: true })),
  }),
  { selector: ({ id }) => id, minLength: 1, maxLength: 12 },
)

describe('equal nodes', () => {
  test('take turns in a circle', () => {
    const turn = new RoundRobin(['a', 'b', 'c'])
    expect(take(turn, 7)).toBe('a b c a b c a')
  })

  test.each([1, 3, 7, 49, 100])('of %i stay in step for a hundred thousand turns', (size) => {
    const ids = Array.from({ length: size }, (_, index) => `n${index}`)
    const turn = new RoundRobin(ids.map((id) => ({ id, weight: 3 })))
    for (let index = 0; index < 100_000; index++) {
      if (turn.next() !== ids[index % size]) throw new Error(`turn ${index} is out of step`)
    }
  })

  test('keep their place when others come and go', () => {
    const turn = new RoundRobin(['a', 'b', 'c', 'd'])
    expect(take(turn, 2)).toBe('a b')
    turn.remove('a')
    expect(take(turn, 1)).toBe('c')
    turn.add('e')
    turn.remove('c')
    expect(take(turn, 6)).toBe('d e b d e b')
  })

  test('go on where they were when the one that had the last turn goes, and when it comes again', () => {
    const turn = new RoundRobin(['a', 'b', 'c'])
    expect(take(turn, 2)).toBe('a b')
    turn.remove('b')
    turn.add('b')
    expect(take(turn, 5)).toBe('c b a c b')
  })

  test('have their part of the turns to little more than one, however many came and went before', () => {
    const steps = fc.array(
      fc.record({
        id: fc.integer({ min: 0, max: 9 }).map((index) => `n${index}`),
        turns: fc.nat({ max: 5 }),
      }),
      { minLength: 60, maxLength: 120 },
    )
    fc.assert(
      fc.property(steps, (taken) => {
        const turn = new RoundRobin()
        /** Of those who are there: the turns that they have had beyond their part. */
        const beyond = new Map<string, number>()
        let most = 0
        for (const { id, turns } of taken) {
          if (turn.remove(id)) {
            const left = beyond.get(id) as number
            beyond.delete(id)
            // What it took beyond its part, or left, is the others' loss or gain alike.
            for (const [other, had] of beyond) beyond.set(other, had + left / beyond.size)
          } else {
            turn.add(id)
            beyond.set(id, 0)
          }
          for (let call = 0; call < turns && beyond.size > 0; call++) {
            const called = turn.next()
            for (const [other, had] of beyond)
              beyond.set(other, had + (other === called ? 1 : 0) - 1 / beyond.size)
          }
          for (const had of beyond.values()) most = Math.max(most, Math.abs(had))
        }
        expect(most).toBeLessThan(1.1)
      }),
      // Of these runs: what those leave that go may add up to more in others, though never to two turns.
      { numRuns: 500, seed: 1 },
    )
  })

  test('wait no longer for a turn than there are nodes, whoever else comes and goes', () => {
    const steps = fc.array(
      fc.record({
        id: fc.integer({ min: 0, max: 9 }).map((index) => `n${index}`),
        turns: fc.nat({ max: 5 }),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, fc.constantFrom('given', 'hash'), (taken, order) => {
        const turn = new RoundRobin(['stays'], { order: order as 'given' | 'hash' })
        const waits = new Map<string, number>([['stays', 0]])
        for (const { id, turns } of taken) {
          if (turn.remove(id)) waits.delete(id)
          else {
            turn.add(id)
            waits.set(id, 0)
          }
          for (let count = 0; count < turns; count++) {
            const next = turn.next() ?? ''
            for (const [waiting, wait] of waits) waits.set(waiting, waiting === next ? 0 : wait + 1)
            // All ids there are, and as many turns again as came in between: those who came while one waited.
            for (const wait of waits.values()) expect(wait).toBeLessThanOrEqual(2 * 11)
          }
        }
      }),
    )
  })

  test('in the order of hashes are the same circle for everyone', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const sorted = [...ids].sort((a, b) => keyPosition(a) - keyPosition(b)).join(' ')
    fc.assert(
      fc.property(fc.shuffledSubarray(ids, { minLength: 6 }), (shuffled) => {
        expect(take(new RoundRobin(shuffled, { order: 'hash' }), 6)).toBe(sorted)
      }),
    )
  })
})

describe('weights', () => {
  test('are met smoothly', () => {
    const turn = new RoundRobin([{ id: 'a', weight: 5 }, 'b', 'c'])
    expect(take(turn, 14)).toBe('a b a a c a a a b a a c a a')
  })

  test('are met to within one turn at every moment, whatever they are', () => {
    fc.assert(
      fc.property(nodeSets, (nodes) => {
        const turn = new RoundRobin(nodes)
        const total = nodes.reduce((sum, { weight }) => sum + weight, 0)
        const counts = new Map<string, number>()
        for (let turns = 1; turns <= 500; turns++) {
          const id = turn.next() ?? ''
          counts.set(id, (counts.get(id) ?? 0) + 1)
          for (const { id, weight } of nodes)
            if (Math.abs((counts.get(id) ?? 0) - (turns * weight) / total) > 1 + 1e-9)
              throw new Error(`after ${turns} turns ${id} is more than one turn off`)
        }
      }),
    )
  })

  test('changed on the way leave nobody ahead', () => {
    const turn = new RoundRobin(['a', 'b', 'c'])
    take(turn, 100)
    turn.setWeight('b', 4)
    const taken = take(turn, 600).split(' ')
    expect(taken.filter((id) => id === 'b').length).toBeGreaterThanOrEqual(398)
    expect(taken.filter((id) => id === 'b').length).toBeLessThanOrEqual(402)
    turn.setWeight('b', 1)
    expect(
      take(turn, 60)
        .split(' ')
        .filter((id) => id === 'b').length,
    ).toBeLessThanOrEqual(21)
  })
})

describe('skipping', () => {
  test('passes over those who are busy, and they do not come twice for it later', () => {
    const turn = new RoundRobin(['a', 'b', 'c'])
    expect(take(turn, 6, (id) => id === 'b')).toBe('a c a c a c')
    expect(take(turn, 6)).toBe('a b c a b c')
  })

  test('gives nobody a second turn before the others have one, under any pattern', () => {
    fc.assert(
      fc.property(fc.array(fc.subarray(['a', 'b', 'c', 'd', 'e']), { maxLength: 60 }), (pattern) => {
        const turn = new RoundRobin(['a', 'b', 'c', 'd', 'e'])
        for (const busy of pattern) {
          const next = turn.next({ skip: (id) => busy.includes(id) })
          expect(next === undefined).toBe(busy.length === 5)
          if (next !== undefined) expect(busy).not.toContain(next)
        }
        // From here on nobody is busy: a circle at once, but for who was passed over just now.
        const after = take(turn, 15).split(' ')
        for (const id of ['a', 'b', 'c', 'd', 'e']) {
          const count = after.filter((other) => other === id).length
          expect(count).toBeGreaterThanOrEqual(2)
          expect(count).toBeLessThanOrEqual(4)
        }
      }),
    )
  })

  test('for long leaves no arrears: who was busy for a thousand turns comes back without a burst', () => {
    fc.assert(
      fc.property(nodeSets, fc.nat({ max: 11 }), fc.integer({ min: 1, max: 1000 }), (nodes, index, turns) => {
        const nodesAndOne = [...nodes, { id: 'always there', weight: 1 }]
        const busy = nodes[index % nodes.length]?.id ?? ''
        const turn = new RoundRobin(nodesAndOne)
        take(turn, turns, (id) => id === busy)
        const total = nodesAndOne.reduce((sum, { weight }) => sum + weight, 0)
        // A node may be one turn off its share now and one turn the other way later. And each of the others may have had
        // one turn more than was due while one was busy, which is made up for by all in the proportion of their shares.
        const bound = (share: number): number => 2 + share * nodes.length
        const counts = new Map<string, number>()
        for (let taken = 1; taken <= 300; taken++) {
          const id = turn.next() ?? ''
          counts.set(id, (counts.get(id) ?? 0) + 1)
          for (const { id, weight } of nodesAndOne)
            if (Math.abs((counts.get(id) ?? 0) - (taken * weight) / total) > bound(weight / total))
              throw new Error(
                `after ${taken} turns ${id} has ${counts.get(id)} of ${(taken * weight) / total}`,
              )
        }
      }),
    )
  })

  test('asks each node at most once, and moves nothing when all are busy', () => {
    const turn = new RoundRobin(['a', { id: 'b', weight: 3 }, 'c'])
    take(turn, 2)
    const twin = new RoundRobin(['a', { id: 'b', weight: 3 }, 'c'])
    take(twin, 2)
    for (let round = 0; round < 5; round++) {
      const asked: string[] = []
      expect(turn.next({ skip: (id) => asked.push(id) > 0 })).toBeUndefined()
      expect([...asked].sort()).toEqual(['a', 'b', 'c'])
    }
    expect(take(turn, 20)).toBe(take(twin, 20))
  })

  test('with nobody there answers undefined', () => {
    expect(new RoundRobin().next()).toBeUndefined()
    const turn = new RoundRobin(['a'])
    turn.next()
    turn.remove('a')
    expect(turn.next({ skip: () => true })).toBeUndefined()
    turn.add('b')
    expect(turn.next()).toBe('b')
  })
})

describe('membership', () => {
  test('is told', () => {
    const turn = new RoundRobin(['b', { id: 'a', weight: 2 }])
    expect(turn.size).toBe(2)
    expect(turn.has('a')).toBe(true)
    expect(turn.nodes()).toEqual([
      { id: 'b', weight: 1 },
      { id: 'a', weight: 2 },
    ])
    expect(turn.remove('z')).toBe(false)
  })

  test('a cursor that is an index, the planted bug, makes someone wait or come twice', () => {
    const pull = plantBug('cursor-by-index')
    try {
      const turn = new RoundRobin(['a', 'b', 'c', 'd'])
      expect(take(turn, 2)).toBe('a b')
      turn.remove('a')
      expect(take(turn, 1)).toBe('d')
    } finally {
      pull()
    }
  })
})

describe('bad input', () => {
  const refused = (option: string, action: () => unknown): void => {
    expect(action).toThrow(InvalidOption)
    expect(action).toThrow(expect.objectContaining({ option }))
  }

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1', null])('the weight %s', (weight) => {
    const wrong = weight as number
    refused('RoundRobin.nodes[0].weight', () => new RoundRobin([{ id: 'b', weight: wrong }]))
    refused('RoundRobin.add.weight', () => new RoundRobin().add('a', { weight: wrong }))
    refused('RoundRobin.setWeight.weight', () => new RoundRobin(['a']).setWeight('a', wrong))
  })

  test('ids and options', () => {
    refused('RoundRobin.nodes[1]', () => new RoundRobin(['a', 'a']))
    refused('RoundRobin.nodes', () => new RoundRobin('abc' as unknown as NodeOption[]))
    refused('RoundRobin.add.id', () => new RoundRobin(['a']).add('a'))
    refused('RoundRobin.add.id', () => new RoundRobin().add(7 as unknown as string))
    refused('RoundRobin.setWeight.id', () => new RoundRobin().setWeight('a', 1))
    refused('RoundRobin.order', () => new RoundRobin([], { order: 'random' as 'hash' }))
    refused('RoundRobin.next.skip', () => new RoundRobin(['a']).next({ skip: 'a' as never }))
  })
})
