import { RingmeshError } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import type { Answers } from './answers.js'
import type { Carrier } from './carrier.js'
import type { HybridClock } from './clock.js'
import type { ClockSurvey } from './clock-survey.js'
import type { Entry } from './entry.js'
import type { Listing } from './listing.js'
import type { Placement } from './placement.js'
import { Read, type ReadEnd, type ReadOptions } from './reader.js'
import type { StoreRecord } from './record.js'
import type { Replica } from './replica.js'
import type { Watches } from './watches.js'
import { type StoreLocally, Write, type WriteEnd, type WriteOptions } from './writer.js'

export interface CoordinatorOptions {
  readonly cluster: Cluster
  readonly clock: HybridClock
  readonly placement: Placement
  readonly replica: Replica
  readonly carrier: Pick<Carrier, 'carry'>
  readonly survey: Pick<ClockSurvey, 'settled'>
  readonly answers: Pick<Answers, 'find' | 'store'>
  readonly watches: Watches
  readonly listing: Listing
  /** Milliseconds that a deleted key is remembered at least. */
  readonly tombstoneTime: number
}

/**
 * What the stores of this peer ask of the mesh: it coordinates each read and write (as Dynamo calls it, DeCandia et
 * al., 2007) with the owners of its key, of which it may be one itself, until the mesh is left.
 */
export class Coordinator {
  readonly cluster: Cluster
  readonly clock: HybridClock
  readonly watches: Watches
  readonly listing: Listing
  readonly #options: CoordinatorOptions
  readonly #underWay = new Set<Write | Read>()
  #isClosed = false

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.cluster = options.cluster
    this.clock = options.clock
    this.watches = options.watches
    this.listing = options.listing
  }

  /** @throws {RingmeshError} `Closed` */
  refuseWhenClosed(): void {
    if (this.#isClosed) throw wasLeft()
  }

  /** Of what was deleted after that (wall clock) there is a tombstone. */
  get remembersSince(): number {
    return this.cluster.runtime.wallClock() - this.#options.tombstoneTime
  }

  /** A key held here, whoever owns it. */
  find(store: string, key: string): Entry | undefined {
    return this.#options.replica.find(store, key)
  }

  write(record: StoreRecord, options: WriteOptions, end: (end: WriteEnd) => void): void {
    if (this.#isClosed) {
      end({ kind: 'failed', error: wasLeft() })
      return
    }
    const { placement, survey, answers } = this.#options
    const deadline = this.cluster.runtime.now() + options.timeout
    const local: StoreLocally = (stored, expected, durable, done) =>
      answers.store(stored, expected, durable, this.cluster.view, done)
    const write = new Write(this.cluster, placement, local, record, options, (how) => {
      this.#underWay.delete(write)
      // One of the clocks is wrong: the writer hears of it when it is known which, or its time is over.
      if (how.kind === 'ahead') survey.settled(deadline, () => end(how))
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
      end({ kind: 'failed', error: wasLeft() })
      return
    }
    const { placement, answers } = this.#options
    const find = () => answers.find(place.store, place.key, place.replicas)
    const read = new Read(this.cluster, placement, find, place, options, (how) => {
      this.#underWay.delete(read)
      end(how)
    })
    this.#underWay.add(read)
    read.start()
  }

  /** Sends a record to peers that were seen to be behind. */
  repair(record: StoreRecord, stale: readonly PeerId[]): void {
    const { replica, carrier } = this.#options
    for (const id of stale) {
      if (id === this.cluster.self) replica.apply(record)
      else carrier.carry(id, [record], () => {})
    }
  }

  /** Members or rings changed. */
  follow(): void {
    for (const work of this.#underWay) if (work instanceof Write) work.follow()
  }

  /** Ends all that is under way, and refuses all that is asked from now on. */
  close(): void {
    this.#isClosed = true
    for (const work of [...this.#underWay]) work.close(wasLeft())
  }
}

function wasLeft(): RingmeshError {
  return new RingmeshError('Closed', 'the mesh was left')
}
