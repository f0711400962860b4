import type { Cluster } from '../mesh/index.js'
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
  /** What a third peer says of a process. */
  hear(name: string, ref: ProcessRef): void
}

/**
 * Has peers that come, or come back, and this one know each other's names. Every peer speaks for its
 * own processes: it sends all their names to whom it sees come, and what it does not name is stale.
 * It has that one send its own too, which may have noticed nothing of having been out of sight.
 * A newcomer also asks somebody for the names of all, page by page, before it takes part.
 */
export class NameExchange {
  readonly #cluster: Cluster
  readonly #names: NameLearner
  /** Peers that have told all their names themselves: others know no better. */
  readonly #spoken = new Set<PeerId>()
  /** Ways to give up what we are telling, by peer. */
  readonly #telling = new Map<PeerId, () => void>()
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
      cluster.serve('process.roster', (roster, request) => {
        this.#heard(request.from, roster, () => request.reply({ type: 'process.taken' }))
        if (roster.wants) this.introduce(request.from, false)
      }),
      cluster.on('down', ({ id }) => {
        names.claims.removePeer(id)
        this.#spoken.delete(id)
      }),
      cluster.on('up', ({ id }) => this.introduce(id, true)),
    )
    cluster.onJoining((done) => this.#catchUp(new Set(), null, done))
  }

  /** Tells a peer all names of our own, and has it tell us its own where `wants` says so. */
  introduce(peer: PeerId, wants: boolean, after: string | null = null): void {
    const cluster = this.#cluster
    this.#telling.get(peer)?.()
    let next: string | undefined
    let names: { name: string; process: string }[] = []
    const roster = (): Message => {
      const { page, more } = pageOf(this.#names.claims.ofPeer(cluster.self), after)
      next = more ? page.at(-1)?.[0] : undefined
      names = page.map(([name, { id }]) => ({ name, process: id }))
      return { type: 'process.roster', after, names, more, wants }
    }
    const giveUp = untilAnswered(cluster, peer, roster, ({ kind }) => {
      this.#telling.delete(peer)
      // An older one that knows no rosters.
      if (kind === 'refused') cluster.request(peer, { type: 'process.names', names }, namesTimeout, () => {})
      if (kind !== 'down' && next !== undefined) this.introduce(peer, false, next)
    })
    this.#telling.set(peer, giveUp)
  }

  close(): void {
    this.#isClosed = true
    for (const stop of this.#stops.splice(0)) stop()
    for (const giveUp of this.#telling.values()) giveUp()
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
        const { names, more } = outcome.message
        // It may have heard of the others later than we.
        for (const { name, peer, process } of names)
          if (!this.#spoken.has(peer)) this.#names.hear(name, new ProcessRef(peer, process))
        const last = names.at(-1)
        if (more && last !== undefined) this.#catchUp(tried, last.name, done)
        else done()
      })
  }

  /** A peer has told of all names of its own in a range. */
  #heard(
    peer: PeerId,
    { after, names, more }: Extract<Message, { type: 'process.roster' }>,
    done: () => void,
  ): void {
    const { claims, learn } = this.#names
    const last = more ? names.at(-1)?.name : undefined
    const listed = new Set(names.map(({ name, process }) => `${process} ${name}`))
    for (const [name, ref] of claims.ofPeer(peer)) {
      const isInRange = (after === null || name > after) && (last === undefined || name <= last)
      // It may also be newer than this, heard of from another: no proof of an end.
      if (isInRange && !listed.has(`${ref.id} ${name}`)) claims.remove(name, ref)
    }
    if (!more) this.#spoken.add(peer)
    let left = names.length
    if (left === 0) done()
    for (const { name, process } of names)
      learn(name, new ProcessRef(peer, process), () => {
        if (--left === 0) done()
      })
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
