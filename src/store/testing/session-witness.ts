import type { PeerId } from '../../wire/index.js'
import type { Ledger } from './ledger.js'
import { type SimulatedPeers, storeName } from './simulated-peers.js'
import type { Report } from './simulation-options.js'

/** Keys that each page writes. */
const rowsOfPage = 2

/** Of the keys written last, half of the reads want one of so many. */
const recentRows = 3

/** A key that one page alone writes, so that its states follow each other as their numbers do. */
interface Row {
  readonly key: string
  readonly writer: PeerId
  /** How many states were written; the first has number 1. Number 0 is the absence before. */
  states: number
  /** The numbers of those that deleted it, in their order. */
  readonly deletions: number[]
  /** When each state was written: that of number 1 first. */
  readonly writtenAt: number[]
  isWriting: boolean
}

/**
 * Pages that use the store as applications do, and hold it to the guarantees of a session (Terry et
 * al., 1994): what a page has written or read, it never reads older. Every page writes keys of its
 * own, numbered, and reads those of all.
 */
export class SessionWitness {
  readonly #peers: SimulatedPeers
  readonly #replicas: number
  readonly #tombstoneTime: number
  readonly #ledger: Ledger
  readonly #report: Report
  readonly #rows = new Map<string, Row>()
  #recent: readonly Row[] = []
  /** The number of the latest state of each key that a page knows of: its session may not go below. */
  readonly #floors = new Map<PeerId, Map<string, number>>()
  reads = 0
  failed = 0

  /** @param tombstoneTime - milliseconds that deleted keys are remembered */
  constructor(
    peers: SimulatedPeers,
    replicas: number,
    tombstoneTime: number,
    ledger: Ledger,
    report: Report,
  ) {
    this.#peers = peers
    this.#replicas = replicas
    this.#tombstoneTime = tombstoneTime
    this.#ledger = ledger
    this.#report = report
  }

  /** Some page writes a key of its own, or reads one of anybody's. */
  act(): void {
    const { awake, random } = this.#peers
    if (awake.length === 0) return
    const { self } = this.#peers.pick(awake)
    if (this.#rows.size === 0 || random() < 0.4) this.#write(this.#rowOf(self))
    else this.#read(self, this.#someRow(), random() < 0.2)
  }

  /** Every page reads every key once more. */
  readAll(): void {
    for (const { self } of this.#peers.running)
      for (const row of this.#rows.values()) this.#read(self, row, false)
  }

  #rowOf(writer: PeerId): Row {
    const key = `session ${writer} ${Math.floor(this.#peers.random() * rowsOfPage)}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = { key, writer, states: 0, deletions: [], writtenAt: [], isWriting: false }
      this.#rows.set(key, row)
    }
    return row
  }

  #someRow(): Row {
    const { random } = this.#peers
    return this.#peers.pick(random() < 0.5 ? this.#recent : [...this.#rows.values()])
  }

  #store(id: PeerId) {
    return this.#peers.service(id).open<number>(storeName, { replicas: this.#replicas })
  }

  /** One write after the other: of two at once either may become the later. */
  #write(row: Row): void {
    if (row.isWriting) return
    row.isWriting = true
    this.#recent = [row, ...this.#recent.slice(0, recentRows - 1)]
    const { key, writer } = row
    const state = ++row.states
    row.writtenAt.push(this.#peers.time.now)
    const deleted = this.#peers.random() < 0.15
    if (deleted) row.deletions.push(state)
    const store = this.#store(writer)
    const work = deleted ? store.delete(key) : store.put(key, state)
    work.then(
      ({ version }) => {
        row.isWriting = false
        this.#raise(writer, key, state)
        this.#ledger.acknowledge({ key, version, deleted, durable: false })
      },
      () => {
        row.isWriting = false
        this.failed++
      },
    )
  }

  #read(reader: PeerId, row: Row, fresh: boolean): void {
    const { key } = row
    // What becomes known while the read is under way does not bind it.
    const floor = this.#floors.get(reader)?.get(key) ?? 0
    this.#store(reader)
      .get(key, { fresh })
      .then(
        (state) => {
          this.reads++
          const found = state ?? this.#absenceFrom(row, floor)
          if (found !== undefined && found >= floor) this.#raise(reader, key, found)
          else
            this.#report(
              'session',
              `${reader} knew state ${floor} of ${key} and read ${state ?? 'that there is none'}`,
            )
        },
        () => {
          this.failed++
        },
      )
  }

  /**
   * The first state from `floor` on in which the key is absent. A state that is older than deletions are remembered
   * may be gone without a trace, so a session has no word on it (`Session.read`): its absence is no going back. Nor
   * does it say that a later deletion was seen, which may have reached nobody (found by seed 9001 of `absences`).
   */
  #absenceFrom({ deletions, writtenAt }: Row, floor: number): number | undefined {
    if (floor === 0) return 0
    const age = this.#peers.time.now - (writtenAt[floor - 1] ?? 0)
    if (age > this.#tombstoneTime) return floor
    return deletions.find((state) => state >= floor)
  }

  #raise(page: PeerId, key: string, state: number): void {
    let floors = this.#floors.get(page)
    if (floors === undefined) {
      floors = new Map()
      this.#floors.set(page, floors)
    }
    if (state > (floors.get(key) ?? 0)) floors.set(key, state)
  }
}
