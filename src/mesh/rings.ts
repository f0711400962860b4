import { HashRing, type ReadonlyRing } from '../ring/index.js'
import type { MemberState } from './cluster.js'
import { holdsState, willHoldState } from './member-state.js'

interface RingMember {
  readonly id: string
  readonly weight: number
  readonly state: MemberState
}

/** How the ring differed before a change, and how much of the key space changed its owner. */
export interface RingChange {
  readonly before: ReadonlyRing
  readonly moved: number
}

/** The two rings that follow the members: the one that is read, and the one that is on its way. */
export class Rings {
  #now = new HashRing([])
  #next = new HashRing([])
  #composition = { now: '', next: '' }

  get now(): ReadonlyRing {
    return this.#now
  }

  get next(): ReadonlyRing {
    return this.#next
  }

  /** Computes both anew where their members changed; answers how, where the current one did. */
  follow(members: readonly RingMember[]): RingChange | undefined {
    const holders = members.filter(({ weight }) => weight > 0)
    const now = pick(holders, holdsState)
    const next = pick(holders, willHoldState)
    const composition = { now: written(now), next: written(next) }
    const changed = composition.now !== this.#composition.now
    const before = this.#now
    if (changed) this.#now = before.with(now)
    if (composition.next !== this.#composition.next) {
      this.#next = composition.next === composition.now ? this.#now : this.#next.with(next)
    }
    this.#composition = composition
    return changed ? { before, moved: before.moved(this.#now) } : undefined
  }
}

function pick(
  members: readonly RingMember[],
  holds: (state: MemberState) => boolean,
): { id: string; weight: number }[] {
  const active = members.filter(({ state }) => holds(state))
  // Where nobody is active, hidden tabs hold on to what they have rather than nobody.
  const holders = active.length > 0 ? active : members.filter(({ state }) => state === 'parked')
  return holders.map(({ id, weight }) => ({ id, weight }))
}

function written(nodes: readonly { id: string; weight: number }[]): string {
  return nodes.map(({ id, weight }) => `${id}*${weight}`).join(' ')
}
