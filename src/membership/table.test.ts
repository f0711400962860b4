import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { Peer } from './peer.js'
import { ALIVE, PARKED, SUSPECT } from './standing.js'
import { Table } from './table.js'

const peer = (id: string, standing = ALIVE) => new Peer({ id, kind: 'tab', weight: 1, host: id }, 0, standing)
const table = (self: Peer) => new Table(self, new VirtualTime().runtime())
const ids = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,12}$/), { minLength: 1, maxLength: 40 })

describe('Table', () => {
  it('has a digest that depends on what is believed, not on how it was learnt', () => {
    fc.assert(
      fc.property(ids, fc.infiniteStream(fc.nat(40)), (names, chances) => {
        const one = table(peer('self'))
        const other = table(peer('self'))
        const shuffled = [...names].sort(() => (chances.next().value ?? 0) - 20)
        for (const id of names) one.add(peer(id))
        for (const id of shuffled) {
          const added = peer(id)
          other.add(added)
          other.set(added, 3, PARKED)
        }
        expect(other.digest).not.toBe(one.digest)
        for (const id of names) {
          const changed = one.get(id)
          if (changed !== undefined) one.set(changed, 3, PARKED)
        }
        expect(other.digest).toBe(one.digest)
        expect(other.digests).toEqual(one.digests)
        expect(other.circle.map(({ id }) => id)).toEqual(one.circle.map(({ id }) => id))
        for (const id of names) other.remove(other.get(id) as Peer)
        expect(other.digest).toBe(table(peer('self')).digest)
      }),
    )
  })

  it('gives every peer one turn in a round', () => {
    fc.assert(
      fc.property(ids, (names) => {
        const own = table(peer('self-of-the-round'))
        for (const id of names) own.add(peer(id))
        for (let round = 0; round < 3; round++) {
          const turns = names.map(() => own.turn()?.id)
          expect([...turns].sort()).toEqual([...names].sort())
        }
      }),
    )
  })

  it('watches exactly those of which it is among the first successors', () => {
    fc.assert(
      fc.property(ids, (names) => {
        const tables = names.map((self) => {
          const own = peer(self)
          const made = table(own)
          for (const id of names) if (id !== self) made.add(peer(id))
          return { self, made }
        })
        for (const { self, made } of tables) {
          const watched = made.watched(3).map(({ id }) => id)
          for (const { self: id } of tables) {
            if (id === self) continue
            expect(watched.includes(id)).toBe(made.successorRank(made.get(id) as Peer, 9) < 3)
          }
        }
        for (const { self: subject } of tables) {
          const ranks = tables
            .filter(({ self }) => self !== subject)
            .map(({ made }) => made.successorRank(made.get(subject) as Peer, 100))
          expect(ranks.sort((a, b) => a - b)).toEqual(ranks.map((_, index) => index))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('lets those who are parked or suspected vote after all others', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const rankOf = (self: string, standing: (id: string) => number): number => {
      const own = table(peer(self, standing(self)))
      for (const id of names) if (id !== self) own.add(peer(id, standing(id)))
      return own.successorRank(own.get('a') as Peer, 100)
    }
    const parkedAre = new Set(['b', 'c'])
    const standing = (id: string) => (parkedAre.has(id) ? PARKED : ALIVE)
    const voters = ['d', 'e', 'f'].map((id) => rankOf(id, standing)).sort()
    const parked = ['b', 'c'].map((id) => rankOf(id, standing)).sort()
    expect([...voters, ...parked]).toEqual([0, 1, 2, 3, 4])
    const suspects = (id: string) => (id === 'b' ? SUSPECT + ALIVE : ALIVE)
    expect(['c', 'd', 'e', 'f'].map((id) => rankOf(id, suspects)).sort()).toEqual([0, 1, 2, 3])
  })
})
