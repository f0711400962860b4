import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import { isPlanted } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { Absences } from './absences.js'
import { timeOf } from './clock.js'
import { mostOldTombstones, offerLength, roundLimit } from './constants.js'
import type { Entry } from './entry.js'
import type { Exchanges } from './exchanges.js'
import type { Placement } from './placement.js'
import type { Position } from './record.js'
import type { Replica } from './replica.js'
import { type Status, status } from './status.js'

/** Looks for old tombstones so many times in a tombstone's life: twelve make 5 minutes of an hour. */
const looksPerLife = 12

/**
 * Forgets deleted keys for good: tombstones older than an hour, once every owner holds exactly the
 * same, nobody comes or goes, and nobody is missing who might come back with the key. The first
 * owner of a key asks the others, then tells them.
 */
export class Tombstones {
  readonly #cluster: Cluster
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #exchanges: Exchanges
  readonly #absences: Absences
  readonly #life: number
  #timer: Timer | undefined
  /** Tombstones that were old enough at the last look. */
  #old = 0
  collected = 0

  /** @param life - milliseconds that a tombstone is kept at least */
  constructor(
    cluster: Cluster,
    replica: Replica,
    placement: Placement,
    exchanges: Exchanges,
    absences: Absences,
    life: number,
  ) {
    this.#cluster = cluster
    this.#replica = replica
    this.#placement = placement
    this.#exchanges = exchanges
    this.#absences = absences
    this.#life = life
    cluster.receive('store.collect', ({ exchange, view, positions }, from) => {
      const stableAge = this.#stableAge()
      const statuses = Uint8Array.from(positions, (position) => this.#judge(view, position, stableAge))
      cluster.send(from, { type: 'store.agreed', exchange, statuses })
    })
    cluster.receive('store.agreed', ({ exchange, statuses }, from) =>
      exchanges.answered(from, exchange, statuses),
    )
    cluster.receive('store.forget', ({ positions }, from) => {
      const stableAge = this.#stableAge()
      for (const position of positions) this.#forget(position, from, stableAge)
    })
    this.#wait()
  }

  close(): void {
    this.#timer?.cancel()
  }

  #wait(): void {
    const delay = (this.#life / looksPerLife) * (0.5 + this.#cluster.runtime.random())
    this.#timer = this.#cluster.runtime.timer(delay, () => {
      this.#wait()
      this.#look()
    })
  }

  #isOld(entry: Entry): boolean {
    const life = isPlanted('tombstone-dropped-early') ? 1_000 : this.#life
    return entry.content === null && this.#ageOf(entry) > life
  }

  #ageOf(entry: Entry): number {
    return this.#cluster.runtime.wallClock() - timeOf(entry.version)
  }

  /**
   * The age (in milliseconds) at which tombstones have done their work: whoever is missing now was
   * here for as long as a tombstone lives, and heard of them. Of too many none waits.
   */
  #stableAge(): number {
    const isWaiting = this.#old <= mostOldTombstones && !isPlanted('tombstone-without-missing')
    return this.#life + (isWaiting ? this.#absences.longest : 0)
  }

  #look(): void {
    if (this.#placement.isMoving && !isPlanted('tombstone-dropped-early')) return
    const batches = new Map<string, Entry[]>()
    const old: Entry[] = []
    for (const entry of this.#replica.entries()) if (this.#isOld(entry)) old.push(entry)
    this.#old = old.length
    const stableAge = this.#stableAge()
    for (const entry of old) {
      if (isPlanted('tombstone-dropped-early')) this.#replica.drop(entry)
      if (entry.owners[0] !== this.#cluster.self || this.#ageOf(entry) < stableAge) continue
      const name = entry.owners.join()
      const batch = batches.get(name) ?? []
      if (batch.length < offerLength) batch.push(entry)
      batches.set(name, batch)
    }
    for (const batch of batches.values()) this.#collect(batch)
  }

  /** Asks all other owners of keys that have the same ones. */
  #collect(batch: readonly Entry[]): void {
    const [first] = batch
    if (first === undefined) return
    const { view } = this.#cluster
    const startedAt = this.#cluster.runtime.now()
    const others = first.owners.filter((id) => id !== this.#cluster.self)
    const marks = batch.map((entry) => entry.mark)
    const agreed = batch.map(() => 0)
    let open = others.length
    const finish = () => {
      const isTooLate = this.#cluster.runtime.now() - startedAt > roundLimit
      if (isTooLate || view !== this.#cluster.view || this.#placement.isMoving) return
      const forgotten: Position[] = []
      for (const [index, entry] of batch.entries()) {
        if (agreed[index] !== others.length || entry.mark !== marks[index]) continue
        forgotten.push(positionOf(entry))
      }
      if (forgotten.length === 0) return
      for (const id of others) this.#cluster.send(id, { type: 'store.forget', positions: forgotten })
      for (const position of forgotten) this.#forget(position, this.#cluster.self, this.#stableAge())
    }
    if (open === 0) {
      finish()
      return
    }
    const positions = batch.map(positionOf)
    const message = (exchange: number): Message => ({ type: 'store.collect', exchange, view, positions })
    for (const id of others) {
      this.#exchanges.ask(id, message, (statuses) => {
        for (const index of batch.keys())
          if (statuses?.[index] === status.pinned) agreed[index] = (agreed[index] ?? 0) + 1
        if (--open === 0) finish()
      })
    }
  }

  #judge(view: string, [store, , key, mark]: Position, stableAge: number): Status {
    const entry = this.#replica.find(store, key)
    const isSettled = view === this.#cluster.view && !this.#placement.isMoving
    if (entry === undefined || entry.mark !== mark || entry.content !== null || !isSettled) return status.held
    return this.#isOwner(entry) && this.#ageOf(entry) >= stableAge ? status.pinned : status.held
  }

  #isOwner(entry: Entry): boolean {
    return this.#placement.owners(entry.key, entry.replicas).includes(this.#cluster.self)
  }

  /** Only the first owner may ask for it, and only where this peer would have agreed. */
  #forget([store, , key, mark]: Position, from: PeerId, stableAge: number): void {
    const entry = this.#replica.find(store, key)
    if (entry === undefined || entry.mark !== mark || entry.owners[0] !== from) return
    if (!this.#isOld(entry) || this.#ageOf(entry) < stableAge) return
    this.#replica.drop(entry)
    this.#absences.forgot(timeOf(entry.version))
    this.collected++
  }
}

function positionOf(entry: Entry): Position {
  return [entry.store, entry.replicas, entry.key, entry.mark]
}
