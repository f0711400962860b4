import type { Cluster, Outcome } from '../mesh/index.js'
import { isPlanted, type Runtime } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { NameTable } from './local-names.js'
import type { Process } from './process.js'
import { ProcessRef, sameProcess } from './ref.js'

/** What names need of this page's processes. */
export interface NamesWorld {
  readonly runtime: Runtime
  local(id: string): Process | undefined
  /** Our process lost its name to `survivor` after a partition. */
  lost(process: Process, name: string, survivor: ProcessRef): void
}

/** Milliseconds that a claim, or the telling of all peers, may take; a peer that is silent for so long is soon suspect. */
const requestTimeout = 2_000

/** Owners asked in a row before a name is taken without one: the ring is then in pieces, and a conflict is resolved later. */
const mostClaims = 3

const namesPerMessage = 1_000

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
  readonly #names = new Map<string, ProcessRef>()
  readonly #stops: (() => void)[] = []

  constructor(world: NamesWorld, cluster: Cluster) {
    this.#world = world
    this.#cluster = cluster
    this.#serve(cluster)
  }

  get size(): number {
    return this.#names.size
  }

  lookup(name: string): ProcessRef | undefined {
    return this.#names.get(name)
  }

  /** Names and their holders, in the order of the names. */
  entries(): [string, ProcessRef][] {
    return [...this.#names].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /**
   * Registers `name` for a process of ours. Calls `done` with the holder when it is taken, with
   * undefined when it is ours and every peer knows.
   */
  claim(name: string, process: Process, done: (holder: ProcessRef | undefined) => void): void {
    const holder = this.#names.get(name)
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
  }

  #free(name: string, ref: ProcessRef): void {
    const holder = this.#names.get(name)
    if (holder === undefined || !sameProcess(holder, ref)) return
    this.#names.delete(name)
    const cluster = this.#cluster
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
    cluster.request(owner, message, requestTimeout, (outcome) => {
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
      done(undefined)
      return
    }
    const holder = this.#names.get(name)
    if (holder !== undefined && !sameProcess(holder, process.ref) && this.#ours(holder)) {
      done(holder)
      return
    }
    this.#take(name, process)
    const peers = others(cluster)
    let waiting = peers.length
    const one = (): void => {
      if (--waiting <= 0) done(undefined)
    }
    const message: Message = { type: 'process.names', names: [{ name, process: process.ref.id }] }
    if (peers.length === 0) one()
    for (const peer of peers) cluster.request(peer, message, requestTimeout, one)
  }

  #take(name: string, process: Process): void {
    this.#names.set(name, process.ref)
    process.names.add(name)
  }

  #ours(ref: ProcessRef): boolean {
    return ref.peer === this.#cluster.self && this.#world.local(ref.id)?.alive === true
  }

  #serve(cluster: Cluster): void {
    this.#stops.push(
      cluster.serve('process.claim', ({ name, process }, request) => {
        const claimant = new ProcessRef(request.from, process)
        this.#holderOf(cluster, name, claimant, (holder) => {
          if (holder === undefined) this.#names.set(name, claimant)
          request.reply({
            type: 'process.claimed',
            holder: holder === undefined ? null : { peer: holder.peer, id: holder.id },
          })
        })
      }),
      cluster.serve('process.names', ({ names }, request) => {
        for (const { name, process } of names) this.#learn(name, new ProcessRef(request.from, process))
        request.reply({ type: 'process.taken' })
      }),
      cluster.receive('process.unname', ({ name, process }, from) => {
        const holder = this.#names.get(name)
        if (holder !== undefined && sameProcess(holder, new ProcessRef(from, process)))
          this.#names.delete(name)
      }),
      cluster.serve('process.probe', ({ process }, request) =>
        request.reply({ type: 'process.alive', alive: this.#world.local(process)?.alive === true }),
      ),
      cluster.serve('process.directory', ({ after }, request) => {
        const known = this.entries().filter(([name]) => after === null || name > after)
        const names = known
          .slice(0, namesPerMessage)
          .map(([name, { peer, id }]) => ({ name, peer, process: id }))
        request.reply({ type: 'process.listing', names, more: known.length > namesPerMessage })
      }),
      cluster.on('down', ({ id }) => {
        for (const [name, { peer }] of [...this.#names]) if (peer === id) this.#names.delete(name)
      }),
      cluster.on('up', ({ id }) => this.#introduce(cluster, id)),
    )
    cluster.onJoining((done) => this.#pull(cluster, null, done))
  }

  /** Who has the name: an owner that hears of a claim trusts the claimant about its own peer, and asks the other about its. */
  #holderOf(
    cluster: Cluster,
    name: string,
    claimant: ProcessRef,
    tell: (holder: ProcessRef | undefined) => void,
  ): void {
    const holder = this.#names.get(name)
    if (holder === undefined || sameProcess(holder, claimant)) tell(undefined)
    else if (holder.peer === cluster.self) tell(this.#ours(holder) ? holder : undefined)
    else if (holder.peer === claimant.peer) tell(undefined)
    else {
      const probe = { type: 'process.probe', process: holder.id } as const
      cluster.request(holder.peer, probe, requestTimeout, (outcome) => {
        // Another claim may have been granted while the holder was asked.
        const now = this.#names.get(name)
        if (now !== undefined && !sameProcess(now, holder)) tell(sameProcess(now, claimant) ? undefined : now)
        else tell(saysDead(outcome) ? undefined : holder)
      })
    }
  }

  /** A peer came, or came back: it learns our names, and where one is taken there too, all resolve it alike. */
  #introduce(cluster: Cluster, peer: PeerId): void {
    if (peer === cluster.self) return
    const ours = this.entries().filter(([, ref]) => ref.peer === cluster.self)
    for (let index = 0; index < ours.length; index += namesPerMessage) {
      const names = ours
        .slice(index, index + namesPerMessage)
        .map(([name, { id }]) => ({ name, process: id }))
      cluster.request(peer, { type: 'process.names', names }, requestTimeout, () => {})
    }
  }

  #learn(name: string, ref: ProcessRef): void {
    const holder = this.#names.get(name)
    if (holder === undefined || sameProcess(holder, ref) || !this.#counts(holder)) {
      this.#names.set(name, ref)
      return
    }
    const [survivor, loser] = isBefore(ref, holder) ? [ref, holder] : [holder, ref]
    this.#names.set(name, survivor)
    if (loser.peer !== this.#cluster.self) {
      if (survivor.peer === this.#cluster.self && loser === ref)
        this.#insist(this.#cluster, name, survivor, loser.peer)
      return
    }
    const process = this.#world.local(loser.id)
    if (process?.alive !== true) return
    process.names.delete(name)
    this.#world.runtime.log('warn', 'a name was taken twice; its process here gives way', { name })
    this.#world.lost(process, name, survivor)
  }

  /** The other side has to hear of ours to give way: it may have taken the name without knowing. */
  #insist(cluster: Cluster, name: string, ours: ProcessRef, peer: PeerId): void {
    const names = [{ name, process: ours.id }]
    cluster.request(peer, { type: 'process.names', names }, requestTimeout, () => {})
  }

  /** Whether a holder that we know of may still have the name. */
  #counts(holder: ProcessRef): boolean {
    if (holder.peer === this.#cluster.self) return this.#ours(holder)
    const state = this.#cluster.member(holder.peer)?.state
    return state !== undefined && state !== 'dead' && state !== 'left'
  }

  /** A joining peer asks one that is there already for all names, page by page. */
  #pull(cluster: Cluster, after: string | null, done: () => void): void {
    const contact = cluster.members().find(({ id, state }) => id !== cluster.self && state === 'alive')
    if (contact === undefined) {
      done()
      return
    }
    cluster.request(contact.id, { type: 'process.directory', after }, requestTimeout, (outcome) => {
      if (outcome.kind !== 'reply' || outcome.message.type !== 'process.listing') {
        done()
        return
      }
      const { names, more } = outcome.message
      for (const { name, peer, process } of names) {
        const ref = new ProcessRef(peer, process)
        if (!this.#names.has(name) && this.#counts(ref)) this.#names.set(name, ref)
      }
      const last = names.at(-1)
      if (more && last !== undefined) this.#pull(cluster, last.name, done)
      else done()
    })
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

function isBefore(a: ProcessRef, b: ProcessRef): boolean {
  return a.peer === b.peer ? Number(a.id) < Number(b.id) : a.peer < b.peer
}
