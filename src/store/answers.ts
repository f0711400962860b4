import type { Cluster } from '../mesh/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { Adoption } from './adoption.js'
import type { Awaited } from './awaited.js'
import type { Balancer } from './balancer.js'
import type { Capacity } from './capacity.js'
import type { HybridClock, Version } from './clock.js'
import type { Coverage } from './coverage.js'
import type { Entry } from './entry.js'
import type { Exchanges } from './exchanges.js'
import type { Handoff } from './handoff.js'
import type { Journal } from './journal.js'
import { kinds } from './merges/kinds.js'
import type { Placement } from './placement.js'
import type { Finding } from './reader.js'
import { fromWire, markOf, type Position, type StoreRecord } from './record.js'
import type { Replica } from './replica.js'
import { type Status, status } from './status.js'

/**
 * Offers that wait until storage has been read: two of each of 512 peers, as many as a page has
 * connections. Each names at most 256 keys.
 */
const mostHeldOffers = 1_024

type Stored = Extract<Message, { type: 'store.stored' }>

/** What answering needs of the rest of the state. */
export interface AnswersParts {
  readonly cluster: Cluster
  readonly clock: HybridClock
  readonly replica: Replica
  readonly placement: Placement
  readonly exchanges: Exchanges
  readonly awaited: Awaited
  readonly balancer: Balancer
  readonly handoff: Handoff
  readonly coverage: Coverage
  readonly adoption: Adoption
  readonly capacity: Capacity
  readonly journal: Journal | undefined
  /** A stamp was too far ahead to be believed: one of the clocks is wrong. */
  readonly doubted: () => void
}

/** What this peer answers for its share of the keys: puts and reads, and the offers and transfers of others. */
export class Answers {
  readonly #parts: AnswersParts
  received = 0
  bytesReceived = 0

  constructor(parts: AnswersParts) {
    this.#parts = parts
    const { cluster, clock, exchanges, adoption } = parts
    cluster.serve('store.put', (message, request) => {
      const { expected, durable } = message
      this.store(message, expected, durable, request.view, (stored) => {
        if (stored === undefined) request.refuse('busy')
        else request.reply(stored)
      })
      if (clock.isAhead(message.version)) parts.doubted()
    })
    cluster.serve('store.get', ({ store, replicas, key }, request) => {
      const { held, settled } = this.find(store, key, replicas)
      request.reply({
        type: 'store.found',
        kind: held?.kind ?? 0,
        version: held?.version ?? null,
        content: held?.content ?? null,
        settled,
      })
    })
    cluster.receive('store.offer', ({ exchange, absent, positions }, from) => {
      const answer = () => {
        const statuses = Uint8Array.from(positions, (position) => this.#judge(from, position, absent))
        const places = positions.map(([store, , key]) => [store, key] as const)
        this.#answer(from, 'store.offered', exchange, statuses, places)
      }
      // What storage holds need not be sent; the others begin to offer before it has been read.
      if (adoption.isLoaded || adoption.waiting >= mostHeldOffers) answer()
      else adoption.whenLoaded(answer)
    })
    cluster.receive('store.offered', ({ exchange, statuses }, from) =>
      exchanges.answered(from, exchange, statuses),
    )
    cluster.receive('store.transfer', ({ exchange, records }, from) => {
      const statuses = Uint8Array.from(records, (wire) => this.#accept(from, fromWire(wire)))
      const places = records.map(([store, , key]) => [store, key] as const)
      this.#answer(from, 'store.transferred', exchange, statuses, places)
    })
    cluster.receive('store.transferred', ({ exchange, statuses }, from) =>
      exchanges.answered(from, exchange, statuses),
    )
  }

  /**
   * Stores a record here and tells how it went, for a put from anywhere; with undefined where
   * `expected` cannot be judged now, or this peer has handed over all that it held and leaves.
   *
   * @param view - the writer's: whoever sees other members may take another peer for the first owner
   */
  store(
    record: StoreRecord,
    expected: Version | '' | null,
    durable: boolean,
    view: string,
    done: (stored: Stored | undefined) => void,
  ): void {
    const { store, key, replicas } = record
    const { cluster, replica, capacity, journal, handoff } = this.#parts
    const stays = cluster.member(cluster.self)?.state !== 'leaving'
    if (handoff.hasLeft) {
      done(undefined)
      return
    }
    const answer = (
      how: Stored['status'],
      isDurable = false,
      held: { version: Version; content: Uint8Array | null } | undefined = undefined,
    ): void =>
      done({
        type: 'store.stored',
        status: how,
        stays,
        durable: isDurable,
        version: held?.version ?? null,
        content: held?.content ?? null,
        clock: cluster.runtime.wallClock(),
      })
    if (expected !== null) {
      if (!this.#isArbiter(key, replicas, view)) {
        done(undefined)
        return
      }
      const held = replica.find(store, key)
      if ((held?.version ?? '') !== expected && held?.version !== record.version) {
        answer('conflict', false, held)
        return
      }
    }
    if (capacity.isFullFor(record)) {
      answer('full')
      return
    }
    const applied = replica.apply(record)
    if (applied === 'ahead') {
      answer('ahead')
      return
    }
    // A later state that is here already: the writer may want to be the later one.
    const { version } = applied.entry
    const later = version > record.version ? { version, content: null } : undefined
    if (durable && this.#keepsDurably && journal !== undefined)
      journal.keep([[store, key]], (kept) => answer('stored', kept, later))
    else answer('stored', false, later)
  }

  /** What is held here under a key. */
  find(store: string, key: string, replicas: number): Finding {
    const { replica } = this.#parts
    return { held: replica.find(store, key), settled: this.#isSettled && replica.owns(key, replicas) }
  }

  /** Whether this peer was brought all that it owns, so that what it lacks is not there. */
  get #isSettled(): boolean {
    const { adoption, coverage } = this.#parts
    return adoption.isLoaded && coverage.isComplete
  }

  /**
   * Whether this peer decides which of two conditional writes came first. It is the first owner as
   * both it and the writer see the members; it has everything, which is so only after all others had
   * moved to this view, so that the one that was first before decides nothing any more.
   */
  #isArbiter(key: string, replicas: number, view: string): boolean {
    const { cluster, placement } = this.#parts
    return view === cluster.view && this.#isSettled && placement.owners(key, replicas)[0] === cluster.self
  }

  /** Whether what this peer keeps outlives it and the power of its machine. */
  get #keepsDurably(): boolean {
    const { journal, cluster } = this.#parts
    return journal?.isDurable === true && cluster.info.kind === 'edge'
  }

  /**
   * Tells what became of what was offered or sent. Others drop their copies once they have been
   * promised that it is kept, and theirs may be the one on disk: so where there is a disk it is
   * there first.
   */
  #answer(
    to: PeerId,
    type: 'store.offered' | 'store.transferred',
    exchange: number,
    statuses: Uint8Array,
    places: readonly (readonly [store: string, key: string])[],
  ): void {
    const { cluster, journal } = this.#parts
    const promised = places.filter((_, index) => statuses[index] === status.pinned)
    if (promised.length === 0 || journal === undefined || !this.#keepsDurably) {
      cluster.send(to, { type, exchange, statuses })
      return
    }
    journal.keep(promised, (kept) => {
      const honest = kept ? statuses : statuses.map((how) => (how === status.pinned ? status.full : how))
      cluster.send(to, { type, exchange, statuses: honest })
    })
  }

  /** What this peer says to an offer of a key. */
  #judge(from: PeerId, [store, replicas, key, mark]: Position, absent: number | null): Status {
    const { replica, adoption, balancer } = this.#parts
    const entry = replica.find(store, key)
    if (entry === undefined) {
      if (absent !== null) {
        // Without its own share this peer cannot tell a key deleted from one not received yet.
        if (!this.#isSettled) return status.ahead
        if (adoption.isGone(absent)) return status.gone
      }
      return this.#want(from, store, key)
    }
    if (entry.mark === mark) return this.#acknowledge(entry, replicas)
    const isOlder = entry.kind === kinds.last && entry.version > mark
    if (!isOlder) return this.#want(from, store, key)
    balancer.bring(from, entry)
    return status.newer
  }

  #want(from: PeerId, store: string, key: string): Status {
    return this.#parts.awaited.ask(from, store, key) ? status.need : status.ahead
  }

  /** Keeps a record that was sent here, and tells how. */
  #accept(from: PeerId, record: StoreRecord): Status {
    const { replica, capacity, awaited, balancer } = this.#parts
    if (capacity.isFullFor(record)) return status.full
    const applied = replica.apply(record)
    if (applied === 'ahead') {
      this.#parts.doubted()
      return status.ahead
    }
    awaited.came(record.store, record.key)
    this.received++
    this.bytesReceived += record.content?.byteLength ?? 0
    if (applied.entry.mark === markOf(record)) return this.#acknowledge(applied.entry, record.replicas)
    balancer.bring(from, applied.entry)
    return status.newer
  }

  /** Exactly this is held here: promised to be kept where it is owned. */
  #acknowledge(entry: Entry, replicas: number): Status {
    const { replica, handoff } = this.#parts
    if (handoff.hasLeft || !replica.owns(entry.key, replicas)) return status.held
    replica.pin(entry)
    return status.pinned
  }
}
