import type { Cluster } from '../mesh/index.js'
import { isPlanted, type Runtime } from '../runtime/index.js'
import { EndedProcesses } from './ended-processes.js'
import { isHere } from './is-here.js'
import type { NameTable } from './local-names.js'
import { NameArbiter } from './name-arbiter.js'
import { NameClaims } from './name-claims.js'
import { NameConflicts } from './name-conflicts.js'
import { NameExchange } from './name-exchange.js'
import { NameRegistration, type Registered } from './name-registration.js'
import type { Process } from './process.js'
import { probe } from './process-probe.js'
import { ProcessRef, sameProcess } from './ref.js'

/** What names need of this page's processes. */
export interface NamesWorld {
  readonly runtime: Runtime
  local(id: string): Process | undefined
  /** Our process lost its name to `survivor` after a partition. */
  lost(process: Process, name: string, survivor: ProcessRef): void
}

/**
 * Which process has which name, on every peer.
 *
 * A page is the only one to speak for its own processes; every other keeps a copy of what it says,
 * so lookups are local. The ring owner of a name decides which of several claimants gets it, and all
 * are told before the start resolves. What has ended never comes back: every page remembers it.
 *
 * After a partition a name may stand on both sides. Every peer then keeps the smaller ref, so all
 * keep the same one, and the peer of the other ends its process.
 *
 * ```
 * claimant      ring owner of the name      the others
 *    │─── claim ────────▶│ (is the holder alive?)
 *    │◀── claimed ───────│ (reserves it)
 *    │─── names ─────────┼─────────────────────▶│
 *    │◀── taken ─────────┼──────────────────────│   init runs
 *    │─── names ─────────┼──▶ those that came meanwhile
 *    │◀── taken ─────────┼─────────               start resolves
 * ```
 */
export class Names implements NameTable {
  readonly #world: NamesWorld
  readonly #cluster: Cluster
  readonly #claims = new NameClaims()
  readonly #ended = new EndedProcesses()
  readonly #arbiter: NameArbiter
  readonly #conflicts: NameConflicts
  readonly #exchange: NameExchange
  /** Starts under way, by the numbers of their processes. */
  readonly #registrations = new Map<string, NameRegistration>()
  readonly #stops: (() => void)[] = []

  constructor(world: NamesWorld, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
    const parts = {
      claims: this.#claims,
      isEnded: (ref: ProcessRef) => this.#ended.has(ref),
      ours: (ref: ProcessRef) => this.#ours(ref),
      ended: (ref: ProcessRef) => this.ended(ref),
    }
    this.#arbiter = new NameArbiter(cluster, parts)
    this.#conflicts = new NameConflicts(cluster, {
      ...parts,
      giveWay: (name, loser, survivor) => this.#giveWay(name, loser, survivor),
    })
    this.#exchange = new NameExchange(cluster, {
      claims: this.#claims,
      learn: (name, ref, done) => this.#learn(name, ref, done),
      hear: (name, ref) => this.#hear(name, ref),
    })
    this.#serve(cluster)
  }

  get size(): number {
    return this.#claims.size
  }

  lookup(name: string): ProcessRef | undefined {
    return this.#claims.holder(name)
  }

  /** Names and their holders, in the order of the names. */
  entries(): [string, ProcessRef][] {
    return this.#claims.entries()
  }

  claim(name: string, process: Process, done: Registered): void {
    const holder = this.lookup(name)
    if (holder !== undefined && this.#ours(holder)) {
      done({ type: 'already_started', ref: holder })
      return
    }
    const world = {
      isEnded: (ref: ProcessRef) => this.#ended.has(ref),
      enter: (name: string, process: Process, entered: (holder: ProcessRef | undefined) => void) =>
        this.#enter(name, process, entered),
    }
    const registration = new NameRegistration(this.#cluster, world, name, process)
    this.#registrations.set(process.ref.id, registration)
    registration.begin(done)
  }

  confirm(process: Process, done: Registered): void {
    const registration = this.#registrations.get(process.ref.id)
    if (registration === undefined) {
      done(undefined)
      return
    }
    registration.confirm((refusal) => {
      this.#registrations.delete(process.ref.id)
      done(refusal)
    })
  }

  /** The process has ended: its names are free, here at once and elsewhere as soon as they hear it. */
  release(process: Process): void {
    const { ref } = process
    const registration = this.#registrations.get(ref.id)
    this.#registrations.delete(ref.id)
    registration?.refuse(process.reason ?? { type: 'noproc' })
    for (const name of process.names) {
      if (isPlanted('name-freed-late')) {
        this.#world.runtime.timer(100, () => this.#free(name, ref))
      } else this.#free(name, ref)
    }
    // Nobody else has heard of it: only who may have reserved it.
    if (registration !== undefined && !process.names.has(registration.name))
      this.#withdraw(registration.name, ref, registration.owners)
  }

  /** A process of another peer has ended, as that peer told one who watched it. */
  ended(ref: ProcessRef): void {
    this.#ended.add(ref)
    this.#claims.removeProcess(ref)
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#exchange.close()
    this.#arbiter.close()
    this.#conflicts.close()
  }

  #free(name: string, ref: ProcessRef): void {
    this.#claims.remove(name, ref)
    this.#cluster.runtime.trace('name.freed', name, ref.id)
    const others = this.#cluster.members().map(({ id }) => id)
    this.#withdraw(name, ref, others)
  }

  /** Takes back what these have been told of a process of ours. */
  #withdraw(name: string, ref: ProcessRef, peers: Iterable<string>): void {
    const cluster = this.#cluster
    this.#ended.add(ref)
    this.#arbiter.settled(name, ref)
    for (const peer of peers) {
      if (peer === cluster.self) continue
      const isQueued = cluster.send(peer, { type: 'process.unname', name, process: ref.id })
      // No room, or nobody there: who is there has to hear it some time.
      if (!isQueued && isHere(cluster, peer)) this.#exchange.introduce(peer, false)
    }
  }

  /** Enters a name that was granted, unless a holder of whom the granter did not know is found to live. */
  #enter(name: string, process: Process, entered: (holder: ProcessRef | undefined) => void): void {
    const rivals = this.#claims.of(name).filter((claim) => claim.peer !== this.#cluster.self)
    this.#look(rivals, (living) => {
      if (!process.alive) return
      const ours = this.#claims.ofPeerTo(name, this.#cluster.self)
      const holder = ours !== undefined && this.#ours(ours) ? ours : living
      if (holder === undefined || sameProcess(holder, process.ref)) {
        process.names.add(name)
        this.#cluster.runtime.trace('name.taken', name, process.ref.id)
        this.#claims.add(name, process.ref)
        this.#arbiter.settled(name, process.ref)
      }
      entered(holder)
    })
  }

  #ours(ref: ProcessRef): boolean {
    if (ref.peer !== this.#cluster.self || this.#ended.has(ref)) return false
    return this.#world.local(ref.id)?.alive === true
  }

  #serve(cluster: Cluster): void {
    this.#stops.push(
      cluster.serve('process.names', ({ names }, request) => {
        let left = names.length
        const learnt = (): void => {
          if (--left <= 0) request.reply({ type: 'process.taken' })
        }
        for (const { name, process } of names)
          this.#learn(name, new ProcessRef(request.from, process), learnt)
        if (names.length === 0) learnt()
      }),
      cluster.receive('process.unname', ({ name, process }, from) =>
        this.#unlearn(name, new ProcessRef(from, process)),
      ),
      cluster.serve('process.probe', ({ process }, request) => {
        const alive =
          this.#world.local(process)?.alive === true &&
          !this.#ended.has(new ProcessRef(cluster.self, process))
        request.reply({ type: 'process.alive', alive })
      }),
      cluster.on('up', ({ id }) => {
        for (const registration of this.#registrations.values()) registration.appeared(id)
      }),
    )
  }

  /** A peer says that a process of its own has the name. `done` once what it contradicts has been looked into. */
  #learn(name: string, ref: ProcessRef, done: () => void): void {
    if (this.#ended.has(ref)) {
      done()
      return
    }
    const former = this.#claims.ofPeerTo(name, ref.peer)
    if (former !== undefined && !sameProcess(former, ref)) this.#unlearn(name, former)
    this.#claims.add(name, ref)
    this.#arbiter.settled(name, ref)
    const ours = this.#claims.ofPeerTo(name, this.#cluster.self)
    if (ours !== undefined) this.#conflicts.resolve(name)
    const { self } = this.#cluster
    const rivals = this.#claims.of(name).filter(({ peer }) => peer !== self && peer !== ref.peer)
    // Its end may be known to the one who let the other have the name, and not yet to us.
    this.#look(rivals, done)
  }

  /** A peer says that a process of its own has not the name any more: it will never have it again. */
  #unlearn(name: string, ref: ProcessRef): void {
    this.#ended.add(ref)
    this.#claims.remove(name, ref)
    this.#arbiter.settled(name, ref)
  }

  /** A third peer says that a process has the name. */
  #hear(name: string, ref: ProcessRef): void {
    const { self } = this.#cluster
    if (ref.peer === self || this.#ended.has(ref)) return
    if (this.#claims.ofPeerTo(name, ref.peer) === undefined && isHere(this.#cluster, ref.peer))
      this.#claims.add(name, ref)
  }

  /** Asks whether those that claim a name still live, forgets the others, and tells of one that does. */
  #look(claims: readonly ProcessRef[], done: (living: ProcessRef | undefined) => void): void {
    probe(this.#cluster, claims, (lives) => {
      for (const [index, claim] of claims.entries()) if (lives[index] === 'ended') this.ended(claim)
      done(claims.find((_, index) => lives[index] === 'alive'))
    })
  }

  /** Ours and another have one name, and the other keeps it. */
  #giveWay(name: string, loser: ProcessRef, survivor: ProcessRef): void {
    const process = this.#world.local(loser.id)
    if (process?.alive !== true) return
    process.names.delete(name)
    this.#free(name, loser)
    this.#world.runtime.log('warn', 'a name was taken twice; its process here gives way', { name })
    const registration = this.#registrations.get(loser.id)
    if (registration !== undefined) registration.refuse({ type: 'already_started', ref: survivor })
    else this.#world.lost(process, name, survivor)
  }
}
