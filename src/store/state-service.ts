import type { Cluster } from '../mesh/index.js'
import { Emitter } from '../runtime/index.js'
import { Absences } from './absences.js'
import { Adoption } from './adoption.js'
import { Answers } from './answers.js'
import { AntiEntropy } from './anti-entropy.js'
import { Awaited } from './awaited.js'
import { Balancer } from './balancer.js'
import { Capacity } from './capacity.js'
import { Carrier } from './carrier.js'
import { HybridClock } from './clock.js'
import { ClockSurvey } from './clock-survey.js'
import { heldBytes, tombstoneTime } from './constants.js'
import { Coordinator } from './coordinator.js'
import { Coverage } from './coverage.js'
import type { Entry } from './entry.js'
import { Exchanges } from './exchanges.js'
import { Handoff } from './handoff.js'
import { Hints } from './hints.js'
import { Journal } from './journal.js'
import { Listing } from './listing.js'
import { OpenedStores } from './opened-stores.js'
import type { OwnStoreTerms, StoreOptions } from './options.js'
import type { Persistence } from './persistence.js'
import { Placement } from './placement.js'
import { Progress, type TransferProgress } from './progress.js'
import { Replica } from './replica.js'
import { setBack } from './set-back.js'
import type { StateStats } from './state-stats.js'
import type { Store } from './store.js'
import { Tombstones } from './tombstones.js'
import { Watches } from './watches.js'

export interface StateServiceOptions {
  readonly cluster: Cluster
  /** Where this peer keeps its share between lives; undefined for nowhere. */
  readonly persistence?: Persistence | undefined
  /** Milliseconds that a deleted key is remembered at least. Default 1 h; the simulator shortens it. */
  readonly tombstoneTime?: number
  /** Bytes of keys and values that this peer holds at most; beyond, writes that need it are refused. Default 512 MiB. */
  readonly mostBytes?: number
}

export interface StateEvents {
  /** Copies are moving: told at most four times a second, and once more when all have arrived. */
  progress(progress: TransferProgress): void
  /** This peer has no room for more, in storage or memory, or has again; while it has none, new keys are refused here. */
  storage(state: { readonly isFull: boolean }): void
}

/**
 * The sharded state of a mesh on one peer: its share of the keys, and the stores that the
 * application opened. Make it before the mesh joins, as joining means to receive a share.
 *
 * @example
 * ```ts
 * const state = new StateService({ cluster, persistence })
 * const scores = state.open('scores', { replicas: 3, writes: 2 })
 * await scores.put('ada', 36)
 * ```
 */
export class StateService {
  readonly cluster: Cluster
  readonly placement: Placement
  readonly coordinator: Coordinator
  readonly #clock: HybridClock
  readonly #stores: OpenedStores
  readonly #replica: Replica
  readonly #exchanges: Exchanges
  readonly #carrier: Carrier
  readonly #balancer: Balancer
  readonly #handoff: Handoff
  readonly #coverage: Coverage
  readonly #antiEntropy: AntiEntropy
  readonly #hints: Hints
  readonly #journal: Journal | undefined
  readonly #watches: Watches
  readonly #off: (() => void)[] = []
  readonly #emitter: Emitter<StateEvents>
  readonly #tombstones: Tombstones
  readonly #capacity: Capacity
  readonly #adoption: Adoption
  readonly #answers: Answers
  readonly #progress: Progress
  #isClosed = false

  constructor(options: StateServiceOptions) {
    const { cluster, persistence } = options
    const life = options.tombstoneTime ?? tombstoneTime
    const { runtime } = cluster
    this.cluster = cluster
    this.#emitter = new Emitter(runtime)
    this.#clock = new HybridClock(runtime, cluster.self)
    this.placement = new Placement(cluster)
    const survey = new ClockSurvey(cluster, this.#clock, (change) => this.#corrected(change))
    const doubted = () => survey.ask()
    this.#replica = new Replica(cluster, this.placement, this.#clock, {
      changed: (entry) => this.#changed(entry),
      dropped: (entry) => this.#journal?.note(entry.store, entry.key),
      owned: (entry) => this.#journal?.regain(entry.store, entry.key),
    })
    this.#journal = persistence && this.#keepIn(persistence)
    this.#capacity = new Capacity(this.#replica, this.#journal, options.mostBytes ?? heldBytes, (isFull) =>
      this.#emitter.emit('storage', { isFull }),
    )
    const absences = new Absences(cluster, life)
    const exchanges = new Exchanges(cluster)
    this.#exchanges = exchanges
    this.#carrier = new Carrier(cluster, exchanges)
    this.#balancer = new Balancer(cluster, this.#replica, this.placement, this.#carrier, () => {
      if (this.#balancer.isSorted) this.#replica.forgetFormerOwners()
      this.#coverage.answer()
      this.#handoff.nudge()
    })
    this.#handoff = new Handoff(cluster, this.#replica, this.placement, this.#carrier)
    this.#antiEntropy = new AntiEntropy(cluster, this.#replica, this.#balancer, this.#carrier)
    this.#hints = new Hints(cluster, this.#balancer)
    this.#tombstones = new Tombstones(cluster, this.#replica, this.placement, exchanges, absences, life)
    this.#coverage = new Coverage(
      cluster,
      this.#balancer,
      absences,
      () => this.#adoption.born,
      // An age, as the two clocks may differ.
      (born, clock) => this.#adoption.learned(runtime.wallClock() - (clock - born)),
    )
    this.#watches = new Watches(cluster, this.#replica, this.placement, this.#clock, doubted)
    this.#progress = new Progress(runtime, this.#carrier, this.#balancer, (progress) =>
      this.#emitter.emit('progress', progress),
    )
    const shared = {
      cluster,
      absences,
      doubted,
      clock: this.#clock,
      replica: this.#replica,
      placement: this.placement,
      coverage: this.#coverage,
      journal: this.#journal,
    }
    this.#adoption = new Adoption({ ...shared, carrier: this.#carrier, tombstoneTime: life })
    this.#answers = new Answers({
      ...shared,
      exchanges,
      awaited: new Awaited(runtime),
      balancer: this.#balancer,
      handoff: this.#handoff,
      adoption: this.#adoption,
      capacity: this.#capacity,
    })
    this.coordinator = new Coordinator({
      ...shared,
      carrier: this.#carrier,
      survey,
      answers: this.#answers,
      watches: this.#watches,
      listing: new Listing(cluster, this.#replica),
      tombstoneTime: life,
    })
    this.#stores = new OpenedStores(this.coordinator)
    this.#adoption.whenLoaded(() => this.#handoff.nudge())
    this.#adoption.start()
    this.#off.push(
      cluster.on('ring', () => this.#follow()),
      cluster.on('change', () => this.#follow()),
      cluster.on('ring', doubted),
    )
    cluster.onJoining((done) => {
      const cover = () => {
        this.#coverage.ask()
        this.#coverage.whenComplete(done)
      }
      if (this.#adoption.isLoaded) cover()
      else this.#adoption.whenLoaded(cover)
    })
    cluster.onLeaving((done) => this.#handoff.handAll(done))
  }

  /**
   * Opens a store. The same name and options give the same store.
   * @throws {InvalidOption} for a bad name or option, or options that differ from those it was opened with
   */
  open<Value = unknown>(
    name: string,
    options: StoreOptions<Value> = {},
    terms: OwnStoreTerms = {},
  ): Store<Value> {
    return this.#stores.open(name, options, terms)
  }

  /** Listens; returns the way to stop it. */
  on<Event extends keyof StateEvents>(event: Event, listener: StateEvents[Event]): () => void {
    return this.#emitter.on(event, listener)
  }

  stats(): StateStats {
    const { offered, sent, bytesSent } = this.#carrier.stats
    return {
      keys: this.#replica.keys,
      foreign: this.#replica.foreign.size,
      bytes: this.#replica.bytes,
      waiting: this.#balancer.waiting,
      offered,
      sent,
      bytesSent,
      received: this.#answers.received,
      bytesReceived: this.#answers.bytesReceived,
      dropped: this.#handoff.dropped,
      unsaved: this.#journal?.waiting ?? 0,
      saved: this.#journal?.written ?? 0,
      hinted: this.#hints.waiting,
      unjudged: this.#adoption.unjudged,
      compared: this.#antiEntropy.compared,
      differed: this.#antiEntropy.differed,
      forgotten: this.#tombstones.collected,
      settled: this.#adoption.isLoaded && this.#coverage.isComplete,
    }
  }

  /** Ends everything that is under way and lets storage go; `done` when what was kept is written. */
  close(done: () => void = () => {}): void {
    if (this.#isClosed) {
      this.cluster.runtime.timer(0, done)
      return
    }
    this.#isClosed = true
    for (const off of this.#off) off()
    this.coordinator.close()
    this.#exchanges.close()
    this.#handoff.close()
    this.#balancer.close()
    this.#coverage.close()
    this.#antiEntropy.close()
    this.#progress.close()
    this.#adoption.close()
    this.#tombstones.close()
    this.#watches.close()
    if (this.#journal === undefined) this.cluster.runtime.timer(0, done)
    else this.#journal.close(done)
  }

  /** A key held here, whoever owns it. */
  find(store: string, key: string): Entry | undefined {
    return this.#replica.find(store, key)
  }

  /** The keys of a store that are held here, deleted ones included. */
  keysOf(store: string): Iterable<string> {
    for (const shelf of this.#replica.shelves()) if (shelf.name === store) return shelf.entries.keys()
    return []
  }

  #keepIn(persistence: Persistence): Journal {
    const { runtime } = this.cluster
    const find = (store: string, key: string) => this.#replica.find(store, key)
    return new Journal(runtime, persistence, find, this.#replica.foreign, {
      full: (isFull) => {
        runtime.log('warn', isFull ? 'storage is full' : 'storage has room again', {})
        this.#capacity.tell()
      },
      failed: (error) => runtime.log('error', 'storage failed', { error }),
    })
  }

  #follow(): void {
    if (this.#isClosed) return
    if (this.#balancer.follow()) {
      this.#antiEntropy.hurry()
      this.#progress.follow()
    }
    this.#coverage.follow()
    this.#coverage.answer()
    this.#handoff.nudge()
    this.#watches.follow()
    this.coordinator.follow()
  }

  #changed(entry: Entry): void {
    this.#journal?.note(entry.store, entry.key)
    this.#watches.notice(entry)
    this.#hints.note(entry)
    if (this.#replica.foreign.has(entry)) this.#handoff.nudge()
  }

  /** @param change - milliseconds by which this clock was put forward, negative where it was set back */
  #corrected(change: number): void {
    const { cluster } = this
    const text = 'the clock of this machine is far from those of the others: it is corrected'
    cluster.runtime.log('warn', text, { milliseconds: Math.round(change) })
    if (change > 0) {
      this.#adoption.lookAgain()
      this.#watches.restart()
      return
    }
    const parts = { cluster, clock: this.#clock, replica: this.#replica, watches: this.#watches }
    this.#stores.restamp(setBack(parts, change))
  }
}
