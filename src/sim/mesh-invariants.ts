import type { Invariant } from './invariant.js'
import type { MeshNode } from './mesh-node.js'
import type { MeshWorld } from './mesh-world.js'

export type MeshInvariant = Invariant<MeshWorld, never>

/** Two nodes whose rings have the same members must have the same view, and the same owners by it. */
const equalViews = (): MeshInvariant => ({
  name: 'equal-views',
  promise: 'two nodes have equal views exactly when their rings have equal members',
  sampled(world) {
    const views = new Map<string, { view: string; name: string }>()
    const members = new Map<string, { members: string; name: string }>()
    for (const { core, name } of world.living()) {
      const own = core.ring
        .nodes()
        .map(({ id, weight }) => `${id}=${weight}`)
        .sort()
        .join()
      const { view } = core
      const other = views.get(own)
      if (other !== undefined && other.view !== view)
        return `${name} and ${other.name} have equal members and other views`
      const same = members.get(view)
      if (same !== undefined && same.members !== own)
        return `${name} and ${same.name} have equal views and other members`
      views.set(own, { view, name })
      members.set(view, { members: own, name })
    }
    return undefined
  },
})

const nothingHangs = (): MeshInvariant => ({
  name: 'nothing-hangs',
  promise: 'every call comes back within its time-out and five seconds',
  sampled(world) {
    for (const node of world.living()) {
      if (node.runtime.isFrozen || !node.runtime.isExact) continue
      const [hanging] = node.hanging(world.time.now)
      if (hanging !== undefined) return `${hanging} has not come back`
    }
    return undefined
  },
})

/** Milliseconds in which the relay has taken over for certain: two greetings, one of which the network lost. */
const longestGap = 4_000

const neverWithoutLink = (): MeshInvariant => {
  /** Since when a pair has been seen without a link though the server would carry one. */
  const since = new Map<string, number>()
  return {
    name: 'never-without-link',
    promise: 'while the server serves two pages that know each other, a link stands within four seconds',
    sampled(world) {
      for (const node of world.living()) {
        for (const { id, state, link } of node.core.members()) {
          const other = world.node(id)
          const pair = `${node.name} ${id}`
          const isApart = link === 'none' && state === 'alive' && other !== undefined
          if (!isApart || !world.isServed(node, other)) {
            since.delete(pair)
            continue
          }
          const start = since.get(pair) ?? world.time.now
          since.set(pair, start)
          if (world.time.now - start >= longestGap)
            return `${node.name} has had no link to ${other.name} for ${Math.round(world.time.now - start)} ms`
        }
      }
      return undefined
    },
  }
}

/** Timers that a node may have set: a few for each link, call and key on the move. */
const timersOfOwn = 500
const timersPerPeer = 20

const boundedMemory = (): MeshInvariant => ({
  name: 'bounded-memory',
  promise: 'the timers of a node stay in proportion to the peers there have been',
  sampled(world) {
    for (const { runtime, name } of world.living()) {
      if (runtime.timers > timersOfOwn + timersPerPeer * world.nodes.length)
        return `${name} has ${runtime.timers} timers set`
    }
    return undefined
  },
})

const convergence = (): MeshInvariant => ({
  name: 'convergence',
  promise:
    'when the faults are over, all nodes soon have equal views, of exactly those who are there, and links to all of them',
  ended: (world, phase) => (phase === 'liveness' ? whyApart(world) : undefined),
})

const acknowledgedWrites = (): MeshInvariant => ({
  name: 'acknowledged-writes',
  promise:
    'a write that was acknowledged is held by somebody, unless two pages with copies were lost at once, or the last page',
  ended(world, phase) {
    if (phase === 'safety' || world.departures.mayHaveTakenLastCopies) return undefined
    const nodes = world.living()
    for (const { key, value } of world.acknowledged) {
      const isHeld = nodes.some(({ state }) => state.find('simulated', key) !== undefined)
      if (!isHeld) return `${key} = ${value} was acknowledged and nobody holds it`
    }
    return undefined
  },
})

/** What is still wrong with the views of the living; undefined when they agree. */
export function whyApart(world: MeshWorld): string | undefined {
  const nodes = world.living()
  const [first] = nodes
  if (first === undefined) return undefined
  const expected = nodes
    .filter(({ page }) => page === 'shown')
    .map(({ info }) => info.id)
    .sort()
    .join()
  for (const node of nodes) {
    const { core, name } = node
    const members = core.ring
      .nodes()
      .map(({ id }) => id)
      .sort()
      .join()
    if (members !== expected)
      return `${name} has ${core.ring.size} members on its ring: ${difference(world, node, expected)}`
    for (const member of core.members()) {
      const page = world.node(member.id)?.page ?? 'gone'
      if (page === 'gone')
        return `${name} holds ${world.node(member.id)?.name ?? member.id} for ${member.state}, which is gone`
      if (member.link === 'none') return `${name} has no link to ${world.node(member.id)?.name ?? member.id}`
    }
  }
  return undefined
}

function difference(world: MeshWorld, { core }: MeshNode, expected: string): string {
  const wanted = new Set(expected.split(','))
  const name = (id: string): string => world.node(id)?.name ?? id
  const missing = [...wanted]
    .filter((id) => !core.ring.has(id))
    .map((id) => `${name(id)} is ${core.member(id)?.state ?? 'unknown'}`)
  const tooMany = core.ring
    .nodes()
    .filter(({ id }) => !wanted.has(id))
    .map(({ id }) => `${name(id)} should not be there`)
  return [...missing, ...tooMany].join(', ')
}

/** Fresh invariants for one run; those of messages and results are judged by the world itself, as they happen. */
export function meshInvariants(): MeshInvariant[] {
  return [
    equalViews(),
    nothingHangs(),
    neverWithoutLink(),
    boundedMemory(),
    convergence(),
    acknowledgedWrites(),
  ]
}
