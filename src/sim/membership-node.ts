import type { Member, MembershipMessage } from '../membership/index.js'
import { Membership } from '../membership/index.js'
import { holdsState } from '../mesh/index.js'
import { HashRing, RoundRobin } from '../ring/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import type { Endpoint } from './network.js'
import type { NodeRuntime } from './node-runtime.js'

/** What one node believes of another. */
export interface Belief {
  readonly state: Member['state']
  readonly incarnation: number
}

/** What a node tells the world that it lives in. */
export interface NodeEvents {
  send(from: MembershipNode, to: PeerId, message: MembershipMessage): void
  sendRelayed(from: MembershipNode, to: PeerId, message: MembershipMessage): void
  changed(node: MembershipNode, member: Member): void
}

/** What the page of a node is doing, as the world knows it and the others can only guess. */
export type PageState = 'joining' | 'shown' | 'hidden' | 'leaving' | 'gone'

/**
 * A page that runs the membership protocol and nothing above it, with a ring and a round-robin
 * that follow its members as those of the mesh do.
 */
export class MembershipNode implements Endpoint<MembershipMessage> {
  readonly number: number
  readonly name: string
  readonly info: PeerInfo
  readonly runtime: NodeRuntime
  readonly networkChance: () => number
  readonly membership: Membership
  /** What the protocol last said of each peer; kept by the world, so that it can see what changed. */
  readonly beliefs = new Map<PeerId, Belief>()
  /** Whether the belief about node [number] is wrong; kept by the world. */
  readonly wrong: boolean[] = []
  /** The ring and the turns of this node; undefined when the run is without. */
  readonly ring: HashRing | undefined
  readonly turns: RoundRobin | undefined
  /** When each member of the ring came into it, as a running number. */
  readonly arrivals = new Map<PeerId, number>()
  page: PageState = 'joining'
  /** Nothing is promised about this node before this time. */
  excusedUntil = 0

  constructor(options: {
    number: number
    name: string
    info: PeerInfo
    runtime: NodeRuntime
    networkChance: () => number
    hasRing: boolean
    events: NodeEvents
  }) {
    this.number = options.number
    this.name = options.name
    this.info = options.info
    this.runtime = options.runtime
    this.networkChance = options.networkChance
    if (options.hasRing) {
      this.ring = new HashRing()
      this.turns = new RoundRobin()
    }
    const { events } = options
    this.membership = new Membership({
      runtime: options.runtime,
      self: options.info,
      send: (to, message) => events.send(this, to, message),
      sendRelayed: (to, message) => events.sendRelayed(this, to, message),
      events: { change: (member) => events.changed(this, member) },
    })
  }

  receive(from: Endpoint<MembershipMessage>, message: MembershipMessage): void {
    const { id } = (from as MembershipNode).info
    // A message of membership counts as a sign of life by itself; `heard` is for all others.
    this.membership.receive(id, message)
  }

  /** Keeps ring and turns as the mesh keeps them: one change at a time, in the order it heard of them. */
  followRing({ id, weight, state }: Member, arrival: number): void {
    const { ring, turns, arrivals } = this
    if (ring === undefined || turns === undefined) return
    const isIn = weight > 0 && holdsState(state)
    if (arrivals.has(id) === isIn) return
    if (isIn) {
      ring.add(id, { weight })
      turns.add(id)
      arrivals.set(id, arrival)
    } else {
      ring.remove(id)
      turns.remove(id)
      arrivals.delete(id)
    }
  }
}
