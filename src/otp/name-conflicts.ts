import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { NameClaims } from './name-claims.js'
import { namesTimeout } from './names-timing.js'
import { probe } from './process-probe.js'
import type { ProcessRef } from './ref.js'
import { untilAnswered } from './until-answered.js'

/** What the resolution of conflicts needs of the names. */
export interface ConflictsWorld {
  readonly claims: NameClaims
  /** A process of another peer has ended. */
  ended(ref: ProcessRef): void
  ours(ref: ProcessRef): boolean
  /** Our process has to end, as `survivor` has its name. */
  giveWay(name: string, loser: ProcessRef, survivor: ProcessRef): void
}

/** One name, two processes, as after a partition: the smaller ref keeps it on every peer, and the other gives way on its own. */
export class NameConflicts {
  readonly #cluster: Cluster
  readonly #world: ConflictsWorld
  /** Rivals that are being looked into, and the ways to leave that. */
  readonly #open = new Map<string, () => void>()

  constructor(cluster: Cluster, world: ConflictsWorld) {
    this.#cluster = cluster
    this.#world = world
  }

  /** One of ours has a name that others claim too. */
  resolve(name: string): void {
    const { claims } = this.#world
    const { self } = this.#cluster
    const ours = claims.ofPeerTo(name, self)
    const holder = claims.holder(name)
    if (ours === undefined || holder === undefined || !this.#world.ours(ours)) return
    if (holder.peer !== self) this.#doubt(name, ours, holder)
    else for (const other of claims.of(name)) if (other.peer !== self) this.#insist(name, ours, other)
  }

  close(): void {
    for (const leave of this.#open.values()) leave()
    this.#open.clear()
  }

  /** The other has to hear of ours to give way: it may have taken the name without knowing. */
  #insist(name: string, ours: ProcessRef, other: ProcessRef): void {
    const names = [{ name, process: ours.id }]
    this.#look(name, other, (over) =>
      untilAnswered(this.#cluster, other.peer, () => ({ type: 'process.names', names }), over),
    )
  }

  /** What the other said may be old, and the word of its end still on the way: nothing ends for the sake of the dead. */
  #doubt(name: string, ours: ProcessRef, other: ProcessRef): void {
    const { claims } = this.#world
    this.#look(name, other, (over) => {
      let pause: Timer | undefined
      probe(this.#cluster, [other], ([life]) => {
        if (life === 'ended') this.#world.ended(other)
        const isOpen = claims.has(name, ours) && claims.has(name, other)
        if (isOpen && life === 'alive') this.#world.giveWay(name, ours, other)
        if (isOpen && life === 'silent') pause = this.#cluster.runtime.timer(namesTimeout, over)
        else over()
      })
      return () => pause?.cancel()
    })
  }

  /** Looks into one rival at a time once, and afterwards whether there is more. */
  #look(name: string, other: ProcessRef, start: (over: () => void) => () => void): void {
    const key = `${other.peer} ${name}`
    if (this.#open.has(key)) return
    this.#open.set(key, () => {})
    const leave = start(() => {
      if (!this.#open.delete(key)) return
      if (!this.#isSettled(name)) this.resolve(name)
    })
    if (this.#open.has(key)) this.#open.set(key, leave)
  }

  /** Whether what is left to do is the others' to do. */
  #isSettled(name: string): boolean {
    return this.#world.claims.holder(name)?.peer === this.#cluster.self
  }
}
