import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import type { NameClaims } from './name-claims.js'
import { ProcessRef } from './ref.js'

/** Milliseconds that another peer may take to answer about names; one that is silent for so long is soon suspect. */
export const namesTimeout = 2_000

const namesPerMessage = 1_000

/** What the exchange needs of the names. */
export interface NameLearner {
  readonly claims: NameClaims
  /** A peer says that a process of its own has the name. */
  learn(name: string, ref: ProcessRef): void
  /** Whether a holder that was heard of may still have the name. */
  counts(holder: ProcessRef): boolean
}

/**
 * Has peers that come, or come back, and this one know each other's names: a new one asks for all
 * that there are, page by page; everybody tells it theirs when they see it; and who lost sight of a
 * peer asks it again.
 */
export class NameExchange {
  readonly #cluster: Cluster
  readonly #names: NameLearner
  /** Peers that were held for gone; they may come back. */
  readonly #outOfSight = new Set<PeerId>()
  readonly #stops: (() => void)[] = []

  constructor(cluster: Cluster, names: NameLearner) {
    this.#cluster = cluster
    this.#names = names
    const { claims } = names
    this.#stops.push(
      cluster.serve('process.directory', ({ after }, request) => {
        const known = claims.entries().filter(([name]) => after === null || name > after)
        const listed = known
          .slice(0, namesPerMessage)
          .map(([name, { peer, id }]) => ({ name, peer, process: id }))
        request.reply({ type: 'process.listing', names: listed, more: known.length > namesPerMessage })
      }),
      cluster.on('down', ({ id }) => {
        claims.removePeer(id)
        for (const gone of this.#outOfSight)
          if (cluster.member(gone) === undefined) this.#outOfSight.delete(gone)
        this.#outOfSight.add(id)
      }),
      cluster.on('up', ({ id }) => {
        this.#introduce(id)
        // It may never have lost sight of us, and so has no reason to tell us its names again.
        if (this.#outOfSight.delete(id)) this.#pull(id, { isNew: false, after: null, done: () => {} })
      }),
    )
    cluster.onJoining((done) => {
      const contact = cluster.members().find(({ id, state }) => id !== cluster.self && state === 'alive')
      if (contact === undefined) done()
      else this.#pull(contact.id, { isNew: true, after: null, done })
    })
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** It learns our names, and where one is taken there too, all resolve it alike. */
  #introduce(peer: PeerId): void {
    const { self } = this.#cluster
    if (peer === self) return
    const ours = this.#names.claims.entries().filter(([, ref]) => ref.peer === self)
    for (let index = 0; index < ours.length; index += namesPerMessage) {
      const names = ours
        .slice(index, index + namesPerMessage)
        .map(([name, { id }]) => ({ name, process: id }))
      this.#cluster.request(peer, { type: 'process.names', names }, namesTimeout, () => {})
    }
  }

  /**
   * Asks a peer for the names that it knows. Who is new here takes all of them, anybody else those
   * of the peer itself: of the rest it has heard, and perhaps later.
   */
  #pull(contact: PeerId, pull: { isNew: boolean; after: string | null; done: () => void }): void {
    const { isNew, after, done } = pull
    const { claims, learn, counts } = this.#names
    this.#cluster.request(contact, { type: 'process.directory', after }, namesTimeout, (outcome) => {
      if (outcome.kind !== 'reply' || outcome.message.type !== 'process.listing') {
        done()
        return
      }
      const { names, more } = outcome.message
      for (const { name, peer, process } of names) {
        const ref = new ProcessRef(peer, process)
        if (ref.peer === contact) learn(name, ref)
        else if (isNew && claims.holder(name) === undefined && counts(ref)) claims.add(name, ref)
      }
      const last = names.at(-1)
      if (more && last !== undefined) this.#pull(contact, { isNew, after: last.name, done })
      else done()
    })
  }
}
