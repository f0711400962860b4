import { InvalidOption, RingmeshError } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { AntiEntropy } from './anti-entropy.js'
import { Awaited } from './awaited.js'
import { Balancer } from './balancer.js'
import { Carrier } from './carrier.js'
import { HybridClock, shifted, type Version } from './clock.js'
import { ClockSurvey } from './clock-survey.js'
import { heldBytes, tombstoneTime } from './constants.js'
import { Coverage } from './coverage.js'
import type { Entry } from './entry.js'
import { Exchanges } from './exchanges.js'
import { Handoff } from './handoff.js'
import { Hints } from './hints.js'
import { Journal } from './journal.js'
import { Listing } from './listing.js'
import { kinds } from './merges/kinds.js'
import { restamped } from './merges/restamp.js'
import { checkStoreName, checkStoreOptions } from './options.js'
import type { Persistence } from './persistence.js'
import { Placement } from './placement.js'
import { type Finding, Read, type ReadEnd, type ReadOptions } from './reader.js'
import { fromWire, markOf, type Position, type StoreRecord } from './record.js'
import { Replica } from './replica.js'
import { Returned } from './returned.js'
import { type Status, status } from './status.js'
import { Store, type StoreOptions } from './store.js'
import { Tombstones } from './tombstones.js'
import { Watches } from './watches.js'
import { Write, type WriteEnd, type WriteOptions } from './writer.js'

export interface StateServiceOptions {
  readonly cluster: Cluster
  /** Where this peer keeps its share between lives; undefined for nowhere. */
  readonly persistence?: Persistence | undefined
  /** Milliseconds that a deleted key is remembered at least. Default 1 h; the simulator shortens it. */
  readonly tombstoneTime?: number
  /** Bytes of keys and values that this peer holds at most; beyond, writes that need it are refused. Default 512 MiB. */
  readonly mostBytes?: number
}

/** Counters and gauges of the state on this peer. */
export interface StateStats {
  /** Keys held here, tombstones included, and of them those that others own. */
  readonly keys: number
  readonly foreign: number
  /** Bytes of keys and values held here. */
  readonly bytes: number
  /** Keys that are still to be brought to other peers. */
  readonly waiting: number
  /** Keys offered to others, and of them those that had to be sent, with their bytes. */
  readonly offered: number
  readonly sent: number
  readonly bytesSent: number
  readonly received: number
  readonly bytesReceived: number
  /** Copies dropped after every owner had acknowledged them. */
  readonly dropped: number
  /** Changes that are not in storage yet, and changes written there. */
  readonly unsaved: number
  readonly saved: number
  /** Keys remembered for suspected peers, and keys from storage that may have been deleted and wait for a verdict. */
  readonly hinted: number
  readonly unjudged: number
  /** Comparisons with co-owners, and leaves of the tree that were found to differ. */
  readonly compared: number
  readonly differed: number
  /** Deleted keys that were forgotten for good. */
  readonly forgotten: number
  /** Whether this peer was sent everything that it owns. */
  readonly settled: boolean
}

export interface StateEvents {
  /** Copies are moving: told at most four times a second, and once more when all have arrived. */
  progress(progress: { readonly waiting: number; readonly sent: number; readonly bytesSent: number }): void
  /** This peer has no room for more, in storage or memory, or has again; while it has none, new keys are refused here. */
  storage(state: { readonly isFull: boolean }): void
}

/**
 * Offers that wait until storage has been read: two of each of 512 peers, as many as a page has
 * connections. Each names at most 256 keys.
 */
const mostHeldOffers = 1_024

/** Milliseconds between two events of progress. */
const progressEvery = 250

type Stored = Extract<Message, { type: 'store.stored' }>

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
  readonly clock: HybridClock
  readonly placement: Placement
  readonly #survey: ClockSurvey
  readonly #replica: Replica
  readonly #exchanges: Exchanges
  readonly #awaited: Awaited
  readonly #carrier: Carrier
  readonly #balancer: Balancer
  readonly #handoff: Handoff
  readonly #coverage: Coverage
  readonly #antiEntropy: AntiEntropy
  readonly #hints: Hints
  readonly #journal: Journal | undefined
  readonly #watches: Watches
  readonly #listing: Listing
  readonly #stores = new Map<
    string,
    { store: Store<unknown>; options: ReturnType<typeof checkStoreOptions> }
  >()
  readonly #underWay = new Set<Write | Read>()
  readonly #off: (() => void)[] = []
  readonly #listeners: { readonly [Event in keyof StateEvents]: Set<StateEvents[Event]> } = {
    progress: new Set(),
    storage: new Set(),
  }
  #progress: Timer | undefined
  #reported = -1
  readonly #tombstones: Tombstones
  readonly #tombstoneTime: number
  readonly #mostBytes: number
  /** The last that was offered did not fit within the limit of bytes. */
  #isCrowded = false
  #toldFull = false
  #returned: Returned | undefined
  #born: number
  #isLoaded: boolean
  #whenLoaded: (() => void)[] = []
  #received = 0
  #bytesReceived = 0
  #isClosed = false

  constructor(options: StateServiceOptions) {
    const { cluster, persistence } = options
    this.#tombstoneTime = options.tombstoneTime ?? tombstoneTime
    this.#mostBytes = options.mostBytes ?? heldBytes
    this.cluster = cluster
    this.#born = cluster.runtime.wallClock()
    this.clock = new HybridClock(cluster.runtime, cluster.self)
    this.#survey = new ClockSurvey(cluster, this.clock, (change) => this.#corrected(change))
    this.placement = new Placement(cluster)
    this.#replica = new Replica(cluster, this.placement, this.clock, {
      changed: (entry) => this.#changed(entry),
      dropped: (entry) => this.#journal?.note(entry.store, entry.key),
      owned: (entry) => this.#journal?.note(entry.store, entry.key),
    })
    this.#exchanges = new Exchanges(cluster)
    this.#awaited = new Awaited(cluster.runtime)
    this.#carrier = new Carrier(cluster, this.#exchanges)
    this.#balancer = new Balancer(cluster, this.#replica, this.placement, this.#carrier, () => {
      this.#coverage.answer()
      this.#handoff.nudge()
    })
    this.#handoff = new Handoff(cluster, this.#replica, this.placement, this.#carrier)
    this.#antiEntropy = new AntiEntropy(cluster, this.#replica, this.#balancer, this.#carrier)
    this.#hints = new Hints(cluster, this.#balancer)
    this.#tombstones = new Tombstones(
      cluster,
      this.#replica,
      this.placement,
      this.#exchanges,
      this.#tombstoneTime,
    )
    this.#coverage = new Coverage(
      cluster,
      this.#balancer,
      () => this.#born,
      (born, clock) => {
        // An age, as the two clocks may differ.
        this.#born = Math.min(this.#born, cluster.runtime.wallClock() - (clock - born))
      },
    )
    this.#watches = new Watches(cluster, this.#replica, this.placement, this.clock, () => this.#survey.ask())
    this.#listing = new Listing(cluster, this.#replica)
    this.#isLoaded = persistence === undefined
    if (persistence !== undefined) {
      this.#journal = new Journal(
        cluster.runtime,
        persistence,
        (store, key) => this.#replica.find(store, key),
        this.#replica.foreign,
        {
          full: (isFull) => {
            cluster.runtime.log('warn', isFull ? 'storage is full' : 'storage has room again', {})
            this.#tellFull()
          },
          failed: (error) => cluster.runtime.log('error', 'storage failed', { error }),
        },
      )
      const records: StoreRecord[] = []
      this.#journal.load(
        (record) => records.push(record),
        (alive) => this.#loaded(records, alive),
      )
    }
    this.#serve()
    this.#off.push(
      cluster.on('ring', () => this.#follow()),
      cluster.on('change', () => this.#follow()),
      cluster.on('ring', () => this.#survey.ask()),
    )
    cluster.onJoining((done) => {
      const cover = () => {
        this.#coverage.ask()
        this.#coverage.whenComplete(done)
      }
      if (this.#isLoaded) cover()
      else this.#whenLoaded.push(cover)
    })
    cluster.onLeaving((done) => this.#handoff.handAll(done))
  }

  /**
   * Opens a store. The same name and options give the same store.
   * @throws {InvalidOption} for a bad name or option, or options that differ from those it was opened with
   */
  open<Value = unknown>(name: string, options: StoreOptions<Value> = {}): Store<Value> {
    checkStoreName(name)
    const checked = checkStoreOptions(options)
    const opened = this.#stores.get(name)
    if (opened !== undefined) {
      for (const option of ['replicas', 'writes', 'reads', 'merge', 'largest', 'timeout'] as const) {
        if (checked[option] !== opened.options[option])
          throw new InvalidOption(
            `store.${option}`,
            checked[option],
            `must be ${String(opened.options[option])}, as where '${name}' was opened first`,
          )
      }
      return opened.store as unknown as Store<Value>
    }
    const store = new Store<Value>(this, name, checked)
    this.#stores.set(name, { store: store as unknown as Store<unknown>, options: checked })
    return store
  }

  /** Listens; returns the way to stop it. */
  on<Event extends keyof StateEvents>(event: Event, listener: StateEvents[Event]): () => void {
    const listeners: Set<StateEvents[Event]> = this.#listeners[event]
    listeners.add(listener)
    return () => listeners.delete(listener)
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
      received: this.#received,
      bytesReceived: this.#bytesReceived,
      dropped: this.#handoff.dropped,
      unsaved: this.#journal?.waiting ?? 0,
      saved: this.#journal?.written ?? 0,
      hinted: this.#hints.waiting,
      unjudged: this.#returned?.waiting ?? 0,
      compared: this.#antiEntropy.compared,
      differed: this.#antiEntropy.differed,
      forgotten: this.#tombstones.collected,
      settled: this.#isLoaded && this.#coverage.isComplete,
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
    const error = new RingmeshError('Closed', 'the mesh was left')
    for (const work of [...this.#underWay]) work.close(error)
    this.#exchanges.close()
    this.#coverage.close()
    this.#antiEntropy.close()
    this.#progress?.cancel()
    this.#tombstones.close()
    this.#watches.close()
    if (this.#journal === undefined) this.cluster.runtime.timer(0, done)
    else this.#journal.close(done)
  }

  // What stores ask for.

  /** A key held here, whoever owns it. */
  find(store: string, key: string): Entry | undefined {
    return this.#replica.find(store, key)
  }

  /** The keys of a store that are held here, deleted ones included. */
  keysOf(store: string): Iterable<string> {
    for (const shelf of this.#replica.shelves()) if (shelf.name === store) return shelf.entries.keys()
    return []
  }

  write(record: StoreRecord, options: WriteOptions, end: (end: WriteEnd) => void): void {
    if (this.#isClosed) {
      end({ kind: 'failed', error: new RingmeshError('Closed', 'the mesh was left') })
      return
    }
    const local = (
      stored: StoreRecord,
      expected: Version | '' | null,
      durable: boolean,
      done: (stored: Stored) => void,
    ) => this.#store(stored, expected, durable, done)
    const write = new Write(this.cluster, this.placement, local, record, options, (how) => {
      this.#underWay.delete(write)
      // One of the clocks is wrong: the writer hears of it when it is known which.
      if (how.kind === 'ahead') this.#survey.ask(() => end(how))
      else end(how)
    })
    this.#underWay.add(write)
    write.follow()
  }

  read(
    place: { readonly store: string; readonly replicas: number; readonly key: string },
    options: ReadOptions,
    end: (end: ReadEnd) => void,
  ): void {
    if (this.#isClosed) {
      end({ kind: 'failed', error: new RingmeshError('Closed', 'the mesh was left') })
      return
    }
    const find = () => this.#find(place.store, place.key, place.replicas)
    const read = new Read(this.cluster, this.placement, find, place, options, (how) => {
      this.#underWay.delete(read)
      end(how)
    })
    this.#underWay.add(read)
    read.start()
  }

  get watches(): Watches {
    return this.#watches
  }

  get listing(): Listing {
    return this.#listing
  }

  /** Sends a record to peers that were seen to be behind. */
  repair(record: StoreRecord, stale: readonly PeerId[]): void {
    for (const id of stale) {
      if (id === this.cluster.self) this.#replica.apply(record)
      else this.#carrier.carry(id, [record], () => {})
    }
  }

  #serve(): void {
    const { cluster } = this
    cluster.serve('store.put', (message, request) => {
      const { expected, durable } = message
      this.#store(message, expected, durable, (stored) => request.reply(stored))
      if (this.clock.isAhead(message.version)) this.#survey.ask()
    })
    cluster.serve('store.get', ({ store, replicas, key }, request) => {
      const { held, settled } = this.#find(store, key, replicas)
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
        const statuses = new Uint8Array(positions.length)
        for (const [index, position] of positions.entries())
          statuses[index] = this.#judge(from, position, absent)
        cluster.send(from, { type: 'store.offered', exchange, statuses })
      }
      // What storage holds need not be sent; the others begin to offer before it has been read.
      if (this.#isLoaded || this.#whenLoaded.length >= mostHeldOffers) answer()
      else this.#whenLoaded.push(answer)
    })
    cluster.receive('store.offered', ({ exchange, statuses }, from) =>
      this.#exchanges.answered(from, exchange, statuses),
    )
    cluster.receive('store.transfer', ({ exchange, records }, from) => {
      const statuses = new Uint8Array(records.length)
      for (const [index, wire] of records.entries()) statuses[index] = this.#accept(from, fromWire(wire))
      cluster.send(from, { type: 'store.transferred', exchange, statuses })
    })
    cluster.receive('store.transferred', ({ exchange, statuses }, from) =>
      this.#exchanges.answered(from, exchange, statuses),
    )
  }

  /** Storage was read: what it held is foreign data now, as good as what anybody else offers. */
  #loaded(records: StoreRecord[], alive: number | undefined): void {
    if (this.#isClosed) return
    this.#isLoaded = true
    const { runtime } = this.cluster
    const isOutdated = alive !== undefined && runtime.wallClock() - alive >= this.#tombstoneTime
    if (isOutdated) {
      this.#returned = new Returned(this.cluster, this.placement, this.#carrier, records, alive, {
        accepted: (record) => {
          this.#replica.apply(record)
        },
        refused: ({ store, key }) => this.#journal?.note(store, key),
        isGone: ({ store, key }, absent) =>
          this.#born <= absent && this.#coverage.isComplete && this.#replica.find(store, key) === undefined,
      })
    } else for (const record of records) this.#replica.apply(record)
    for (const loaded of this.#whenLoaded) loaded()
    this.#whenLoaded = []
    this.#handoff.nudge()
    // Only a peer that has its share, and knows since when the mesh has lived, can judge what is gone.
    this.#coverage.whenComplete(() => this.#returned?.start())
  }

  #emit<Event extends keyof StateEvents>(event: Event, value: Parameters<StateEvents[Event]>[0]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        ;(listener as (value: Parameters<StateEvents[Event]>[0]) => void)(value)
      } catch (error) {
        this.cluster.runtime.log('error', `a listener of '${event}' threw`, { error })
      }
    }
  }

  /** Tells how far the moving of copies has come, until it is over. */
  #report(): void {
    this.#progress ??= this.cluster.runtime.timer(progressEvery, () => {
      this.#progress = undefined
      const { sent, bytesSent, waiting: carried } = this.#carrier.stats
      const waiting = carried + this.#balancer.waiting
      if (sent !== this.#reported) this.#emit('progress', { waiting, sent, bytesSent })
      this.#reported = sent
      if (waiting > 0 && !this.#isClosed) this.#report()
    })
  }

  #follow(): void {
    if (this.#isClosed) return
    if (this.#balancer.follow()) {
      this.#antiEntropy.hurry()
      this.#report()
    }
    this.#coverage.follow()
    this.#coverage.answer()
    this.#handoff.nudge()
    this.#watches.follow()
    for (const work of this.#underWay) if (work instanceof Write) work.follow()
  }

  #changed(entry: Entry): void {
    this.#journal?.note(entry.store, entry.key)
    this.#watches.notice(entry)
    this.#hints.note(entry)
    if (this.#replica.foreign.has(entry)) this.#handoff.nudge()
  }

  /** Stores a record here and tells how it went, for a put from anywhere. */
  #store(
    record: StoreRecord,
    expected: Version | '' | null,
    durable: boolean,
    done: (stored: Stored) => void,
  ): void {
    const { store, key, replicas } = record
    const answer = (
      how: Stored['status'],
      isDurable = false,
      held: { version: Version; content: Uint8Array | null } | undefined = undefined,
    ): void =>
      done({
        type: 'store.stored',
        status: how,
        owner: this.#replica.owns(key, replicas),
        durable: isDurable,
        version: held?.version ?? null,
        content: held?.content ?? null,
        clock: this.cluster.runtime.wallClock(),
      })
    if (expected !== null) {
      const held = this.#replica.find(store, key)
      if ((held?.version ?? '') !== expected && held?.version !== record.version) {
        answer('conflict', false, held)
        return
      }
    }
    if (this.#isFullFor(record)) {
      answer('full')
      return
    }
    if (this.#replica.apply(record) === 'ahead') {
      answer('ahead')
      return
    }
    const journal = this.#journal
    if (durable && journal?.isDurable && this.cluster.info.kind === 'edge')
      journal.keep(store, key, (kept) => answer('stored', kept))
    else answer('stored')
  }

  /**
   * This clock was corrected. What it stamped while it was ahead is believed by nobody else, and
   * would be overtaken by no write for as long: it gets the stamps that it should have had.
   *
   * @param change - milliseconds, negative where the clock was set back
   */
  #corrected(change: number): void {
    const text = 'the clock of this machine is far from those of the others: it is corrected'
    this.cluster.runtime.log('warn', text, { milliseconds: Math.round(change) })
    if (change > 0) {
      this.#watches.restart()
      return
    }
    const restamp = (version: Version): Version => {
      if (!this.clock.isAhead(version)) return version
      const right = shifted(version, change)
      return this.clock.isAhead(right) ? this.clock.next().slice(0, 16) + version.slice(16) : right
    }
    for (const { store } of this.#stores.values()) store.restamp(restamp)
    for (const entry of [...this.#replica.entries()]) {
      if (!this.clock.isAhead(entry.version)) continue
      const { store, key, replicas } = entry
      const record = { store, key, replicas, ...restamped(entry, restamp) }
      this.#replica.drop(entry)
      this.#watches.forget(store, key)
      this.#replica.apply(record)
    }
  }

  #find(store: string, key: string, replicas: number): Finding {
    const held = this.#replica.find(store, key)
    const settled = this.#isLoaded && this.#coverage.isComplete && this.#replica.owns(key, replicas)
    return { held, settled }
  }

  /** What this peer says to an offer of a key. */
  #judge(from: PeerId, [store, replicas, key, mark]: Position, absent: number | null): Status {
    const entry = this.#replica.find(store, key)
    if (entry === undefined) {
      if (absent !== null) {
        // Without its own share this peer cannot tell a key deleted from one not received yet.
        if (!this.#isLoaded || !this.#coverage.isComplete) return status.ahead
        if (this.#born <= absent) return status.gone
      }
      return this.#awaited.ask(from, store, key) ? status.need : status.ahead
    }
    if (entry.mark === mark) return this.#acknowledge(entry, replicas)
    const isOlder = entry.kind === kinds.last && entry.version > mark
    if (!isOlder) return this.#awaited.ask(from, store, key) ? status.need : status.ahead
    this.#balancer.bring(from, entry)
    return status.newer
  }

  /** Whether there is no room for a record. What frees room is taken in any case. */
  #isFullFor(record: StoreRecord): boolean {
    if (record.content === null) return false
    const growth = this.#replica.growth(record)
    const isOver = growth > 0 && this.#replica.bytes + growth > this.#mostBytes
    if (isOver !== this.#isCrowded && growth > 0) {
      this.#isCrowded = isOver
      this.#tellFull()
    }
    return isOver || this.#journal?.isFull === true
  }

  #tellFull(): void {
    const isFull = this.#isCrowded || this.#journal?.isFull === true
    if (isFull === this.#toldFull) return
    this.#toldFull = isFull
    this.#emit('storage', { isFull })
  }

  /** Keeps a record that was sent here, and tells how. */
  #accept(from: PeerId, record: StoreRecord): Status {
    if (this.#isFullFor(record)) return status.full
    const applied = this.#replica.apply(record)
    if (applied === 'ahead') {
      this.#survey.ask()
      return status.ahead
    }
    this.#awaited.came(record.store, record.key)
    this.#received++
    this.#bytesReceived += record.content?.byteLength ?? 0
    if (applied.entry.mark === markOf(record)) return this.#acknowledge(applied.entry, record.replicas)
    this.#balancer.bring(from, applied.entry)
    return status.newer
  }

  /** Exactly this is held here: promised to be kept where it is owned. */
  #acknowledge(entry: Entry, replicas: number): Status {
    if (!this.#replica.owns(entry.key, replicas)) return status.held
    this.#replica.pin(entry)
    return status.pinned
  }
}
