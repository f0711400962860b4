import type { HashRing } from '../ring/index.js'
import type { Invariant } from './invariant.js'
import type { MembershipNode } from './membership-node.js'
import type { BeliefChange, MembershipWorld } from './membership-world.js'

type RingInvariant = Invariant<MembershipWorld, BeliefChange>

/** The keys whose owners are compared. Few: they stand for a table of owners that is equal or is not. */
const sampleKeys = ['ada', 'grace', 'edsger', 'barbara', 'leslie', 'frances', 'john', 'radia'] as const

/** Seconds between two looks at the owners: making a table of owners takes a millisecond, more than all other checks together. */
const ownersEvery = 30

/** Member sets remembered: those that can meet in a run, and a bound. */
const rememberedRings = 1_000

interface KnownRing {
  readonly node: string
  readonly value: string
}

/** The ring is a pure function of its members, whatever the order in which a node learned of them. */
export const equalRings = (): RingInvariant => {
  const digests = new Map<string, KnownRing>()
  const owners = new Map<string, KnownRing>()
  let seconds = 0

  const differs = (
    known: Map<string, KnownRing>,
    members: string,
    own: KnownRing,
    what: string,
  ): string | undefined => {
    const other = known.get(members)
    if (other === undefined) {
      if (known.size >= rememberedRings) known.clear()
      known.set(members, own)
      return undefined
    }
    return other.value === own.value
      ? undefined
      : `rings of ${other.node} and ${own.node} have equal members and other ${what}`
  }

  const compareOwners = (world: MembershipWorld): string | undefined => {
    for (const node of world.nodes) {
      const { ring } = node
      if (ring === undefined || node.page === 'gone') continue
      const value = sampleKeys.map((key) => ring.owners(key, 3).join('/')).join()
      const wrong = differs(owners, membersOf(ring), { node: node.name, value }, 'owners')
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

  return {
    name: 'equal-rings',
    promise: 'two nodes whose rings have the same members have the same digest and the same owners',
    changed(_world, { observer, now, before }) {
      const { ring } = observer
      if (ring === undefined || now.state === before?.state) return undefined
      return differs(digests, membersOf(ring), { node: observer.name, value: ring.digest }, 'digests')
    },
    sampled: (world) => (++seconds % ownersEvery === 0 ? compareOwners(world) : undefined),
    ended: compareOwners,
  }
}

function membersOf(ring: HashRing): string {
  const members = ring.nodes().map(({ id, weight }) => `${id}=${weight}`)
  return members.sort().join()
}

/**
 * Turns by which a member may be ahead or behind: one by the rule of RoundRobin itself, and half a
 * turn for the part of those that went which is shared out among the others. The most that was seen
 * in a thousand runs is 1.02.
 */
const turnsOff = 1.5

/** Turns that each node gives in a second, so that a round of ten or twenty members takes a few seconds. */
const turnsPerSample = 8

/** What a member has had of the turns of one node, and what it should have had. */
interface Share {
  /** Tells a member that came back from the one that went. */
  readonly arrival: number
  turns: number
  due: number
}

/**
 * With equal weights every member has its n-th part of the turns, at every moment since it came,
 * give or take {@link turnsOff}. Measured against those who are there: of what members took with
 * them that went, each going a part of a turn, nobody can give the others anything back, and in an
 * hour of comings and goings it adds up.
 */
export const fairTurns = (): RingInvariant => {
  const books = new Map<MembershipNode, Map<string, Share>>()
  return {
    name: 'fair-turns',
    promise: 'round-robin passes nobody over and favours nobody, whoever comes and goes meanwhile',
    sampled(world) {
      for (const node of world.nodes) {
        const { turns, arrivals } = node
        if (turns === undefined || node.page === 'gone' || node.runtime.isFrozen) continue
        const book = books.get(node) ?? new Map<string, Share>()
        books.set(node, book)
        for (const [id, share] of book) {
          if (arrivals.get(id) === share.arrival) continue
          book.delete(id)
          // What it had too much or too little nobody can give or take any more: that is shared out.
          for (const other of book.values()) other.due += (share.due - share.turns) / book.size
        }
        for (const [id, arrival] of arrivals) {
          if (!book.has(id)) book.set(id, { arrival, turns: 0, due: 0 })
        }
        for (let call = 0; call < turnsPerSample && book.size > 0; call++) {
          const called = turns.next()
          for (const [id, share] of book) {
            share.due += 1 / book.size
            if (id === called) share.turns++
            const off = share.turns - share.due
            if (Math.abs(off) > turnsOff) {
              return `${node.name} gave ${id} ${share.turns} turns where ${share.due.toFixed(2)} were its share`
            }
          }
        }
      }
      return undefined
    },
  }
}
