import type { Invariant, Phase } from './invariant.js'
import type { Belief, MembershipNode } from './membership-node.js'
import type { BeliefChange, MembershipWorld } from './membership-world.js'

type MembershipInvariant = Invariant<MembershipWorld, BeliefChange>

/** A peer's incarnation is its own: no other peer ever believes in a higher one. */
const ownerRaises = (): MembershipInvariant => ({
  name: 'only-the-owner-raises',
  promise: 'no peer believes in an incarnation of another that the other has not taken yet',
  changed(world, { observer, node, now }) {
    if (world.wasHostile || node === undefined || node === observer || node.page === 'gone') return undefined
    const own = node.membership.member(node.info.id)?.incarnation ?? 0
    if (now.incarnation <= own) return undefined
    return `${observer.name} believes in incarnation ${now.incarnation} of ${node.name}, which is at ${own}`
  },
})

const incarnationNeverFalls = (): MembershipInvariant => ({
  name: 'incarnation-never-falls',
  promise: 'a peer that is remembered never gets an older incarnation',
  changed(_world, { observer, subject, now, before }) {
    if (before === undefined || now.incarnation >= before.incarnation) return undefined
    return `${observer.name} went from incarnation ${before.incarnation} of ${subject} back to ${now.incarnation}`
  },
})

const noReturn = (): MembershipInvariant => ({
  name: 'no-return-from-the-dead',
  promise: 'who is dead or has left comes back with a higher incarnation only',
  changed(_world, { observer, subject, now, before }) {
    if (before === undefined || now.incarnation > before.incarnation) return undefined
    const wasGone = before.state === 'dead' || before.state === 'left'
    const isGone = now.state === 'dead' || now.state === 'left'
    if (!wasGone || isGone) return undefined
    return `${observer.name} believed ${subject} ${before.state} and now ${now.state}, both in incarnation ${now.incarnation}`
  },
})

const precedence: Readonly<Record<Belief['state'], number>> = {
  joining: 0,
  alive: 0,
  parked: 1,
  leaving: 1,
  suspect: 2,
  dead: 3,
  left: 4,
}

/** Merge order within one incarnation: left > dead > suspect > parked > alive. Joining and leaving come before and after by the peer's own word. */
const mergeOrder = (): MembershipInvariant => ({
  name: 'merge-order',
  promise: 'within one incarnation a belief only ever moves from alive to parked, suspect, dead, left',
  changed(_world, { observer, subject, node, now, before }) {
    if (before === undefined || now.incarnation !== before.incarnation || node === observer) return undefined
    if (precedence[now.state] >= precedence[before.state]) return undefined
    return `${observer.name} went from ${before.state} to ${now.state} of ${subject} within incarnation ${now.incarnation}`
  },
})

/**
 * The heart of the matter: whoever runs, is reachable and has had no fault of the network or of
 * its own page upon it is never buried, by the sleepers that wake no more than by the others.
 */
const noFalseDeath = (): MembershipInvariant => ({
  name: 'no-false-death',
  promise: 'a peer that is well and can be reached is never declared dead',
  changed(world, { observer, node, now }) {
    if (now.state !== 'dead' || node === undefined || node.page === 'gone') return undefined
    if (world.time.now < node.excusedUntil || node.runtime.isFrozen) return undefined
    return `${observer.name} believes ${node.name} dead, which is well and can be reached`
  },
})

const saysGoodbyeOnly = (): MembershipInvariant => ({
  name: 'left-by-own-word-only',
  promise: 'nobody is believed to have left who has not said so',
  changed(world, { observer, node, now }) {
    if (now.state !== 'left' || node === undefined || world.wasHostile) return undefined
    if (node.page === 'gone' || node.page === 'leaving') return undefined
    return `${observer.name} believes that ${node.name} left, which is ${node.page}`
  },
})

/** The keys whose owners are compared. Few: the digest covers the rest. */
const sampleKeys = ['ada', 'grace', 'edsger', 'barbara', 'leslie'] as const

/** The ring is a pure function of its members, whatever the order in which a node learned of them. */
const equalRings = (): MembershipInvariant => {
  const owners = new Map<string, { digest: string; owners: string; node: string }>()
  return {
    name: 'equal-rings',
    promise: 'two nodes whose rings have the same members have the same digest and the same owners',
    changed(_world, { observer, now, before }) {
      const { ring } = observer
      if (ring === undefined || now.state === before?.state) return undefined
      const members = ring
        .nodes()
        .map(({ id, weight }) => `${id}=${weight}`)
        .sort()
        .join()
      const own = {
        digest: ring.digest,
        owners: sampleKeys.map((key) => ring.owners(key, 3).join('/')).join(),
        node: observer.name,
      }
      const known = owners.get(members)
      if (known === undefined) {
        // A bound on the table: the latest thousand member sets are those that can meet.
        if (owners.size >= 1_000) owners.clear()
        owners.set(members, own)
        return undefined
      }
      if (known.digest !== own.digest)
        return `rings of ${known.node} and ${own.node} have equal members and digests ${known.digest} and ${own.digest}`
      if (known.owners !== own.owners)
        return `rings of ${known.node} and ${own.node} have equal members and other owners`
      return undefined
    },
  }
}

/**
 * Turns by which a member may be ahead or behind: one by the rule of RoundRobin itself, and what
 * members that go take with them or leave behind.
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
 * give or take {@link turnsOff}.
 */
const fairTurns = (): MembershipInvariant => {
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
        for (const [id, share] of book) if (arrivals.get(id) !== share.arrival) book.delete(id)
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

/** Timers a node may have set beyond a few for each peer it knows. */
const timersPerPeer = 4
const timersOfOwn = 200

const boundedMemory = (): MembershipInvariant => ({
  name: 'bounded-memory',
  promise: 'timers and members kept by a node stay in proportion to the peers there have been',
  sampled(world) {
    const peers = world.nodes.length + world.ghosts
    for (const node of world.nodes) {
      if (node.page === 'gone') continue
      if (node.runtime.timers > peers * timersPerPeer + timersOfOwn) {
        return `${node.name} has ${node.runtime.timers} timers set among ${peers} peers`
      }
      const known = node.membership.members().length
      if (known > peers) return `${node.name} knows ${known} members where there were ${peers}`
    }
    return undefined
  },
})

const convergence = (): MembershipInvariant => ({
  name: 'convergence',
  promise: 'when the faults are over, all nodes soon believe of all others what is so',
  ended(world, phase: Phase) {
    if (phase === 'safety' || world.mistakes === 0) return undefined
    const wrong: string[] = []
    for (const observer of world.nodes) {
      for (const subject of world.nodes) {
        if (observer.wrong[subject.number] !== true) continue
        const belief = observer.beliefs.get(subject.info.id)
        wrong.push(
          `${observer.name} believes ${subject.name} ${belief?.state ?? 'unknown'}, it is ${subject.page}`,
        )
      }
    }
    return `${world.mistakes} beliefs are wrong: ${wrong.slice(0, 5).join('; ')}`
  },
})

/** Fresh invariants for one run. After every event: those that look at changes. Every second: turns and memory. At the end: convergence. */
export function membershipInvariants(): MembershipInvariant[] {
  return [
    incarnationNeverFalls(),
    ownerRaises(),
    noReturn(),
    mergeOrder(),
    noFalseDeath(),
    saysGoodbyeOnly(),
    equalRings(),
    fairTurns(),
    boundedMemory(),
    convergence(),
  ]
}
