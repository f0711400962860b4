import type { Cluster, Outcome } from '../mesh/index.js'
import { isPlanted, type Runtime } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { NameTable } from './local-names.js'
import { NameClaims } from './name-claims.js'
import { NameExchange, namesTimeout } from './name-exchange.js'
import type { Process } from './process.js'
import { ProcessRef, sameProcess } from './ref.js'

/** What names need of this page's processes. */
export interface NamesWorld {
  readonly runtime: Runtime
  local(id: string): Process | undefined
  /** Our process lost its name to `survivor` after a partition. */
  lost(process: Process, name: string, survivor: ProcessRef): void
}

/** Owners asked in a row before a name is taken without one: the ring is then in pieces, and a conflict is resolved later. */
const mostClaims = 3

/**
 * Which process has which name, on every peer. The ring owner of a name decides who gets it; all
 * others are told before the start resolves, so lookups are local and see what the caller saw.
 *
 * After a partition a name may stand on both sides. Every peer then keeps the smaller ref, so all
 * keep the same one, and the peer of the other ends its process.
 *
 * ```
 * claimant      ring owner of the name      the others
 *    │─── claim ────────▶│ (is the holder alive?)
 *    │◀── claimed ───────│
 *    │─── names ─────────┼─────────────────────▶│
 *    │◀── taken ─────────┼──────────────────────│   start resolves
 * ```
 */
export class Names implements NameTable {
  readonly #world: NamesWorld
  readonly #cluster: Cluster
  readonly #claims = new NameClaims()
  readonly #exchange: NameExchange
  readonly #stops: (() => void)[] = []

  constructor(world: NamesWorld, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
    this.#exchange = new NameExchange(cluster, {
      claims: this.#claims,
      learn: (name, ref) => this.#learn(name, ref, () => {}),
      counts: (holder) => this.#counts(holder),
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

  /**
   * Registers `name` for a process of ours. Calls `done` with the holder when it is taken, with
   * undefined when it is ours and every peer knows.
   */
  claim(name: string, process: Process, done: (holder: ProcessRef | undefined) => void): void {
    const holder = this.lookup(name)
    if (holder !== undefined && this.#ours(holder)) {
      done(holder)
      return
    }
    this.#ask(this.#cluster, name, process, mostClaims, done)
  }

  /** The process has ended: its names are free, here at once and elsewhere as soon as they hear it. */
  release(process: Process): void {
    for (const name of process.names) {
      if (isPlanted('name-freed-late')) {
        this.#world.runtime.timer(100, () => this.#free(name, process.ref))
      } else this.#free(name, process.ref)
    }
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#exchange.close()
  }

  #free(name: string, ref: ProcessRef): void {
    this.#claims.remove(name, ref)
    const cluster = this.#cluster
    cluster.runtime.trace('name.freed', name, ref.id)
    for (const peer of others(cluster)) cluster.send(peer, { type: 'process.unname', name, process: ref.id })
  }

  #ask(
    cluster: Cluster,
    name: string,
    process: Process,
    tries: number,
    done: (holder: ProcessRef | undefined) => void,
  ): void {
    const owner = cluster.ring.owner(name)
    if (owner === undefined || tries === 0) {
      this.#publish(cluster, name, process, done)
      return
    }
    const message = { type: 'process.claim', name, process: process.ref.id } as const
    cluster.request(owner, message, namesTimeout, (outcome) => {
      if (outcome.kind === 'reply' && outcome.message.type === 'process.claimed') {
        const { holder } = outcome.message
        if (holder === null) this.#publish(cluster, name, process, done)
        else done(new ProcessRef(holder.peer, holder.id))
      } else {
        cluster.runtime.timer(0, () => this.#ask(cluster, name, process, tries - 1, done))
      }
    })
  }

  /** Tells everybody, and waits until all have it or cannot be waited for. */
  #publish(
    cluster: Cluster,
    name: string,
    process: Process,
    done: (holder: ProcessRef | undefined) => void,
  ): void {
    if (!process.alive) {
      // The owner of the name holds it for ours.
      this.#free(name, process.ref)
      done(undefined)
      return
    }
    const holder = this.lookup(name)
    if (holder !== undefined && !sameProcess(holder, process.ref) && this.#ours(holder)) {
      done(holder)
      return
    }
    process.names.add(name)
    cluster.runtime.trace('name.taken', name, process.ref.id)
    this.#learn(name, process.ref, () => this.#tellAll(cluster, name, process, done))
  }

  /** Tells everybody; those who come while it does, too. */
  #tellAll(
    cluster: Cluster,
    name: string,
    process: Process,
    done: (holder: ProcessRef | undefined) => void,
    told: ReadonlySet<PeerId> = new Set(),
  ): void {
    if (!process.names.has(name)) {
      // Lost to another, or freed by its end, in the meantime: to tell it now would bring it back.
      done(this.lookup(name))
      return
    }
    const peers = others(cluster).filter((peer) => !told.has(peer))
    if (peers.length === 0) {
      done(undefined)
      return
    }
    let waiting = peers.length
    const one = (): void => {
      if (--waiting === 0) this.#tellAll(cluster, name, process, done, new Set([...told, ...peers]))
    }
    const message: Message = { type: 'process.names', names: [{ name, process: process.ref.id }] }
    for (const peer of peers) cluster.request(peer, message, namesTimeout, one)
  }

  #ours(ref: ProcessRef): boolean {
    return ref.peer === this.#cluster.self && this.#world.local(ref.id)?.alive === true
  }

  #serve(cluster: Cluster): void {
    this.#stops.push(
      cluster.serve('process.claim', ({ name, process }, request) => {
        const claimant = new ProcessRef(request.from, process)
        this.#holderOf(cluster, name, claimant, (holder) => {
          if (holder === undefined) this.#claims.add(name, claimant)
          request.reply({
            type: 'process.claimed',
            holder: holder === undefined ? null : { peer: holder.peer, id: holder.id },
          })
        })
      }),
      cluster.serve('process.names', ({ names }, request) => {
        let left = names.length
        const learnt = (): void => {
          if (--left <= 0) request.reply({ type: 'process.taken' })
        }
        for (const { name, process } of names)
          this.#learn(name, new ProcessRef(request.from, process), learnt)
        if (names.length === 0) learnt()
      }),
      cluster.receive('process.unname', ({ name, process }, from) => {
        this.#claims.remove(name, new ProcessRef(from, process))
      }),
      cluster.serve('process.probe', ({ process }, request) =>
        request.reply({ type: 'process.alive', alive: this.#world.local(process)?.alive === true }),
      ),
    )
  }

  /** Who has the name: an owner that hears of a claim trusts the claimant about its own peer, and asks the other about its. */
  #holderOf(
    cluster: Cluster,
    name: string,
    claimant: ProcessRef,
    tell: (holder: ProcessRef | undefined) => void,
  ): void {
    const holder = this.#claims.of(name).find((claim) => !sameProcess(claim, claimant))
    if (holder === undefined) {
      tell(undefined)
      return
    }
    const next = (isDead: boolean): void => {
      if (!isDead) {
        tell(holder)
        return
      }
      this.#claims.remove(name, holder)
      this.#holderOf(cluster, name, claimant, tell)
    }
    if (holder.peer === cluster.self) next(!this.#ours(holder))
    else if (holder.peer === claimant.peer) next(true)
    else this.#probe(cluster, holder, next)
  }

  #probe(cluster: Cluster, ref: ProcessRef, tell: (isDead: boolean) => void): void {
    const probe = { type: 'process.probe', process: ref.id } as const
    cluster.request(ref.peer, probe, namesTimeout, (outcome) => tell(saysDead(outcome)))
  }

  /** A peer says that a process of its own has the name. `done` once what it contradicts has been looked into. */
  #learn(name: string, ref: ProcessRef, done: () => void): void {
    this.#claims.add(name, ref)
    const dead = this.#claims.of(name).filter((claim) => claim.peer !== ref.peer && !this.#counts(claim))
    for (const claim of dead) this.#claims.remove(name, claim)
    const others = this.#claims.of(name).filter((claim) => !sameProcess(claim, ref))
    const ours = others.find((claim) => this.#ours(claim))
    if (ours !== undefined) this.#contest(name, ours, ref)
    const doubtful = others.filter((claim) => claim !== ours)
    let left = doubtful.length
    if (left === 0) done()
    // Its end may be known to the one who let the other have the name, and not yet to us.
    for (const claim of doubtful) {
      this.#probe(this.#cluster, claim, (isDead) => {
        if (isDead) this.#claims.remove(name, claim)
        if (--left === 0) done()
      })
    }
  }

  /** Ours and another have one name. All keep the same one; the other gives way on its own peer. */
  #contest(name: string, ours: ProcessRef, theirs: ProcessRef): void {
    const holder = this.lookup(name)
    if (holder === undefined || sameProcess(holder, ours)) {
      this.#insist(this.#cluster, name, ours, theirs.peer)
      return
    }
    const process = this.#world.local(ours.id)
    if (process?.alive !== true) return
    process.names.delete(name)
    this.#free(name, ours)
    this.#world.runtime.log('warn', 'a name was taken twice; its process here gives way', { name })
    this.#world.lost(process, name, holder)
  }

  /** The other side has to hear of ours to give way: it may have taken the name without knowing. */
  #insist(cluster: Cluster, name: string, ours: ProcessRef, peer: PeerId): void {
    const names = [{ name, process: ours.id }]
    cluster.request(peer, { type: 'process.names', names }, namesTimeout, () => {})
  }

  /** Whether a holder that we know of may still have the name. */
  #counts(holder: ProcessRef): boolean {
    if (holder.peer === this.#cluster.self) return this.#ours(holder)
    const state = this.#cluster.member(holder.peer)?.state
    return state !== undefined && state !== 'dead' && state !== 'left'
  }
}

function others(cluster: Cluster): PeerId[] {
  return cluster
    .members()
    .map(({ id }) => id)
    .filter((id) => id !== cluster.self)
}

function saysDead(outcome: Outcome): boolean {
  if (outcome.kind === 'down') return true
  return outcome.kind === 'reply' && outcome.message.type === 'process.alive' && !outcome.message.alive
}
