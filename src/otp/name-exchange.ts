import type { Cluster, Outcome } from '../mesh/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { NameClaims } from './name-claims.js'
import { namesTimeout } from './names-timing.js'
import { ProcessRef } from './ref.js'
import { untilAnswered } from './until-answered.js'

const namesPerMessage = 1_000

/** Milliseconds before a newcomer goes through all that it could ask again. */
const roundPause = 1_000

/** What the exchange needs of the names. */
export interface NameLearner {
  readonly claims: NameClaims
  /** A peer says that a process of its own has the name; `done` once what that contradicts was looked into. */
  learn(name: string, ref: ProcessRef, done: () => void): void
  /** A peer says that a process of its own has not the name (any more). */
  unlearn(name: string, ref: ProcessRef): void
  /** What a third peer says of a process. */
  hear(name: string, ref: ProcessRef): void
}

/**
 * Has peers that come, or come back, and this one know each other's names. Every peer speaks for its
 * own processes: it sends all their names to whom it sees come, and what it does not name is stale.
 * Who lost sight of a peer asks it for them, as that one may have noticed nothing. A newcomer asks
 * somebody for the names of all, page by page, before it takes part.
 */
export class NameExchange {
  readonly #cluster: Cluster
  readonly #names: NameLearner
  /** Peers that were held for gone; they may come back. */
  readonly #outOfSight = new Set<PeerId>()
  /** Peers that have told all their names themselves: others know no better. */
  readonly #spoken = new Set<PeerId>()
  /** Ways to give up what we are telling and asking, by peer. */
  readonly #telling = new Map<PeerId, () => void>()
  readonly #asking = new Map<PeerId, () => void>()
  readonly #stops: (() => void)[] = []
  #isClosed = false

  constructor(cluster: Cluster, names: NameLearner) {
    this.#cluster = cluster
    this.#names = names
    this.#stops.push(
      cluster.serve('process.directory', ({ after }, request) => {
        const { page, more } = pageOf(names.claims.all(), after)
        const listed = page.map(([name, { peer, id }]) => ({ name, peer, process: id }))
        request.reply({ type: 'process.listing', names: listed, more })
      }),
      cluster.serve('process.roster', ({ after, names: listed, more }, request) => {
        const refs = listed.map(({ name, process }) => ({ name, ref: new ProcessRef(request.from, process) }))
        this.#heard(request.from, refs, { after, more }, () => request.reply({ type: 'process.taken' }))
      }),
      cluster.on('down', ({ id }) => this.#lost(id)),
      cluster.on('up', ({ id }) => {
        this.introduce(id)
        // It may never have lost sight of us, and so has no reason to tell us its names again.
        if (this.#outOfSight.delete(id)) this.#inquire(id, null)
      }),
    )
    cluster.onJoining((done) => this.#catchUp(new Set(), null, done))
  }

  /** Tells a peer all names of our own. */
  introduce(peer: PeerId): void {
    if (peer !== this.#cluster.self) this.#introduce(peer, null)
  }

  close(): void {
    this.#isClosed = true
    for (const stop of this.#stops.splice(0)) stop()
    for (const giveUp of [...this.#telling.values(), ...this.#asking.values()]) giveUp()
  }

  #introduce(peer: PeerId, after: string | null): void {
    const cluster = this.#cluster
    this.#telling.get(peer)?.()
    let last: string | null = null
    const roster = (): Message => {
      const { page, more } = pageOf(this.#names.claims.ofPeer(cluster.self), after)
      last = more ? (page.at(-1)?.[0] ?? null) : null
      return {
        type: 'process.roster',
        after,
        names: page.map(([name, { id }]) => ({ name, process: id })),
        more,
      }
    }
    const told = ({ kind }: Outcome): void => {
      this.#telling.delete(peer)
      if (kind === 'reply' && last !== null) this.#introduce(peer, last)
    }
    this.#telling.set(peer, untilAnswered(cluster, peer, roster, told))
  }

  /** Asks a peer for the names of its own processes. */
  #inquire(peer: PeerId, after: string | null): void {
    this.#asking.get(peer)?.()
    const answered = (outcome: Outcome): void => {
      this.#asking.delete(peer)
      if (outcome.kind !== 'reply' || outcome.message.type !== 'process.listing') return
      const last = this.#take(peer, outcome.message, after, false)
      if (last !== undefined) this.#inquire(peer, last)
    }
    const message = (): Message => ({ type: 'process.directory', after })
    this.#asking.set(peer, untilAnswered(this.#cluster, peer, message, answered))
  }

  /** Asks one after the other for the names of all, until one has told them all or there is nobody to ask. */
  #catchUp(tried: Set<PeerId>, after: string | null, done: () => void): void {
    if (this.#isClosed) return
    const cluster = this.#cluster
    const hosts = cluster.members().filter(({ id, state }) => id !== cluster.self && state === 'alive')
    const untried = hosts.filter(({ id }) => !tried.has(id))
    const contact = untried.find(({ link }) => link !== 'none') ?? untried[0]
    if (hosts.length === 0) done()
    else if (contact === undefined)
      cluster.runtime.timer(roundPause, () => this.#catchUp(new Set(), after, done))
    else
      cluster.request(contact.id, { type: 'process.directory', after }, namesTimeout, (outcome) => {
        if (outcome.kind !== 'reply' || outcome.message.type !== 'process.listing') {
          this.#catchUp(tried.add(contact.id), after, done)
          return
        }
        const last = this.#take(contact.id, outcome.message, after, true)
        if (last === undefined) done()
        else this.#catchUp(tried, last, done)
      })
  }

  /** Takes a page of names. Answers after which name to ask for the next one. */
  #take(
    contact: PeerId,
    { names, more }: Extract<Message, { type: 'process.listing' }>,
    after: string | null,
    isNew: boolean,
  ): string | undefined {
    const refs = names.map(({ name, peer, process }) => ({ name, ref: new ProcessRef(peer, process) }))
    const own = refs.filter(({ ref }) => ref.peer === contact)
    const last = names.at(-1)?.name
    this.#heard(contact, own, { after, more, last }, () => {})
    // Of the rest it has heard, and perhaps later than we.
    if (isNew) for (const { name, ref } of refs) if (!this.#spoken.has(ref.peer)) this.#names.hear(name, ref)
    return more ? last : undefined
  }

  /** A peer has told of all names of its own in a range. */
  #heard(
    peer: PeerId,
    refs: readonly { name: string; ref: ProcessRef }[],
    range: { after: string | null; more: boolean; last?: string | undefined },
    done: () => void,
  ): void {
    const { claims, learn, unlearn } = this.#names
    const last = range.more ? (range.last ?? refs.at(-1)?.name) : undefined
    const listed = new Set(refs.map(({ name, ref }) => `${ref.id} ${name}`))
    for (const [name, ref] of claims.ofPeer(peer)) {
      const isInRange = (range.after === null || name > range.after) && (last === undefined || name <= last)
      if (isInRange && !listed.has(`${ref.id} ${name}`)) unlearn(name, ref)
    }
    if (!range.more) this.#spoken.add(peer)
    let left = refs.length
    if (left === 0) done()
    for (const { name, ref } of refs)
      learn(name, ref, () => {
        if (--left === 0) done()
      })
  }

  #lost(peer: PeerId): void {
    this.#names.claims.removePeer(peer)
    this.#spoken.delete(peer)
    for (const gone of this.#outOfSight)
      if (this.#cluster.member(gone) === undefined) this.#outOfSight.delete(gone)
    this.#outOfSight.add(peer)
  }
}

/** Up to a message full of claims to names after `after`, all to one name together; and whether there are more. */
function pageOf(
  claims: readonly [string, ProcessRef][],
  after: string | null,
): { page: readonly [string, ProcessRef][]; more: boolean } {
  const left = after === null ? claims : claims.filter(([name]) => name > after)
  if (left.length <= namesPerMessage) return { page: left, more: false }
  const next = left[namesPerMessage]?.[0]
  return { page: left.slice(0, namesPerMessage).filter(([name]) => name !== next), more: true }
}
