import { RingmeshError } from '../errors/index.js'
import { alonePatience, type Cluster, type Outcome } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import { isPlanted } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { Version } from './clock.js'
import type { Held } from './held.js'
import type { Placement } from './placement.js'
import type { StoreRecord } from './record.js'

type Stored = Extract<Message, { type: 'store.stored' }>

/** What a write came to. */
export interface Written {
  readonly version: Version
  /** Who held it when `put` resolved; others may follow. */
  readonly holders: readonly PeerId[]
}

export interface WriteOptions {
  /** Copies to wait for. */
  readonly writes: number
  /** Waits for no more copies than there are peers that hold state and stay. */
  readonly fewerSuffice: boolean
  /** Waits also for an edge worker to have it on disk. */
  readonly durable: boolean
  /** Writes only over this version at the owner: '' where none is held, null in any case. */
  readonly expected: Version | '' | null
  /** Milliseconds. */
  readonly timeout: number
}

export type WriteEnd =
  /** `overtaken`: the latest version that a holder has instead of this one, where that is later still. */
  | { readonly kind: 'written'; readonly written: Written; readonly overtaken: Version | undefined }
  | { readonly kind: 'conflict'; readonly held: Held | undefined }
  | { readonly kind: 'ahead' }
  | { readonly kind: 'failed'; readonly error: RingmeshError }

/** Stores a record here, as for any other peer; answers by `done`, with undefined where it is to be asked again later. */
export type StoreLocally = (
  record: StoreRecord,
  expected: Version | '' | null,
  durable: boolean,
  done: (stored: Stored | undefined) => void,
) => void

/**
 * One write under way: sent to every owner, and while peers come and go to the owners after
 * that too, until enough hold it. With an expected version the first owner is asked alone, also
 * while it is suspected, as two that both believe to be the first would both accept; the others
 * get what it accepted.
 */
export class Write {
  readonly #cluster: Cluster
  readonly #placement: Placement
  readonly #storeLocally: StoreLocally
  readonly #record: StoreRecord
  readonly #options: WriteOptions
  readonly #end: (end: WriteEnd) => void
  readonly #asked = new Map<PeerId, () => void>()
  readonly #holders = new Set<PeerId>()
  /** Holders that said that they leave: what they hold goes on to others, who may hold it already. */
  readonly #departing = new Set<PeerId>()
  /** Peers that were owners at some time of this write: only their copies count, as those that are joining are not read yet. */
  readonly #owners = new Set<PeerId>()
  /** Owners whose storage has no room. */
  readonly #full = new Set<PeerId>()
  /** Owners that do not believe the stamp, which is too far ahead of their clocks. */
  readonly #doubting = new Set<PeerId>()
  readonly #timer: Timer
  #isDurable = false
  #accepted: boolean
  /** Somebody was asked, and may have stored it whatever comes of the rest. */
  #isSent = false
  /** A first owner was asked, and whether it accepted will never be known. */
  #isUncertain = false
  #overtaken: Version | undefined
  #isOver = false

  constructor(
    cluster: Cluster,
    placement: Placement,
    storeLocally: StoreLocally,
    record: StoreRecord,
    options: WriteOptions,
    end: (end: WriteEnd) => void,
  ) {
    this.#cluster = cluster
    this.#placement = placement
    this.#storeLocally = storeLocally
    this.#record = record
    this.#options = options
    this.#end = end
    this.#accepted = options.expected === null
    this.#timer = cluster.runtime.timer(options.timeout, () => this.#timedOut())
  }

  /** Sends to all who should have it and were not asked yet. Called again when members or rings change. */
  follow(): void {
    if (this.#isOver) return
    const { key, replicas } = this.#record
    const owners = this.#placement.owners(key, replicas)
    if (!this.#accepted) {
      this.#checkStaying()
      if (this.#isOver) return
      const [first] = owners
      if (first === undefined || this.#asked.has(first)) return
      if (this.#asked.size > 0) this.#isUncertain = true
      this.#ask(first)
      return
    }
    for (const owner of owners) this.#owners.add(owner)
    const next = this.#placement.isMoving ? this.#placement.nextOwners(key, replicas) : owners
    const targets = next === owners ? owners : [...new Set([...owners, ...next])]
    const others = targets.filter((id) => id !== this.#cluster.self)
    for (const other of others) this.#ask(other)
    // Who has it may have become an owner just now.
    this.#checkDone()
    this.#checkStaying()
    if (this.#isOver) return
    // This peer's own copy comes after the first of another: should its clock be wrong, the others
    // refuse the stamp, and no copy with it may stay here. Alone it could not be enough anyway.
    const isEnough = this.#needed === 1
    if (others.length < targets.length && (isEnough || this.#holders.size > 0)) this.#ask(this.#cluster.self)
  }

  /** Gives it up, as this peer closes. */
  close(error: RingmeshError): void {
    this.#finish({ kind: 'failed', error })
  }

  #ask(to: PeerId): void {
    if (this.#asked.has(to) || this.#isOver) return
    this.#isSent = true
    const { expected, durable, timeout } = this.#options
    // A hint is a note for later, and no copy.
    if (isPlanted('hint-counted-as-write') && this.#cluster.member(to)?.state === 'suspect')
      this.#holders.add(to)
    if (to === this.#cluster.self) {
      this.#asked.set(to, () => {})
      this.#storeLocally(this.#record, this.#accepted ? null : expected, durable, (stored) =>
        stored === undefined ? this.#askAgain(to) : this.#answered(to, stored),
      )
      return
    }
    const { store, replicas, key, kind, version, content } = this.#record
    const message: Message = {
      type: 'store.put',
      store,
      replicas,
      key,
      kind,
      version,
      content,
      durable,
      expected: this.#accepted ? null : expected,
    }
    const giveUp = this.#cluster.request(to, message, timeout, (outcome) => this.#settled(to, outcome))
    this.#asked.set(to, giveUp)
  }

  #settled(to: PeerId, outcome: Outcome): void {
    if (this.#isOver) return
    if (outcome.kind === 'reply' && outcome.message.type === 'store.stored') {
      this.#answered(to, outcome.message)
      return
    }
    if (!this.#accepted && outcome.kind !== 'refused') this.#isUncertain = true
    this.#askAgain(to)
  }

  /** Asks again if it is an owner still (it was busy), or the owner that took its place. */
  #askAgain(to: PeerId): void {
    this.#asked.delete(to)
    this.#cluster.runtime.timer(100 + 100 * this.#cluster.runtime.random(), () => this.follow())
  }

  #answered(from: PeerId, stored: Stored): void {
    if (this.#isOver) return
    switch (stored.status) {
      case 'ahead':
        this.#doubting.add(from)
        this.#checkDoubted()
        return
      case 'conflict': {
        if (this.#accepted) return
        if (this.#isUncertain) {
          this.#finish({ kind: 'failed', error: this.#unknown('an owner went before it had answered') })
          return
        }
        const { version, content } = stored
        const held = version === null ? undefined : { kind: this.#record.kind, version, content }
        this.#finish({ kind: 'conflict', held })
        return
      }
      case 'full':
        this.#full.add(from)
        this.#checkFull()
        return
      case 'stored':
        break
    }
    this.#holders.add(from)
    if (!stored.stays) this.#departing.add(from)
    if (stored.durable) this.#isDurable = true
    const { version: held } = stored
    if (held !== null && held > (this.#overtaken ?? this.#record.version)) this.#overtaken = held
    const isFirst = this.#holders.size === 1
    this.#accepted = true
    if (isFirst) this.follow()
    this.#checkDone()
  }

  #checkDone(): void {
    if (this.#isOver) return
    const { durable, fewerSuffice } = this.#options
    const needed = this.#needed
    let readable = 0
    let lasting = 0
    for (const holder of this.#holders) {
      if (this.#owners.has(holder) && this.#isThere(holder)) readable++
      if (this.#stays(holder)) lasting++
    }
    // Where nobody stays at all, what is in the storage of those that leave is all that there can be.
    if (readable < needed || lasting < (fewerSuffice ? Math.min(needed, this.#staying) : needed)) return
    if (durable && !this.#isDurable) {
      this.#checkHopeless()
      return
    }
    const holders = [...this.#holders].sort()
    const written: Written = { version: this.#record.version, holders }
    this.#finish({ kind: 'written', written, overtaken: this.#overtaken })
  }

  /** Copies to wait for as things are: one that is written to everybody who stays cannot be had more often. */
  get #needed(): number {
    const { writes, fewerSuffice } = this.#options
    if (!fewerSuffice) return writes
    return Math.max(1, Math.min(writes, this.#staying))
  }

  /** Peers that hold state and stay. */
  get #staying(): number {
    return this.#cluster.ring.nodes().filter(({ id }) => this.#stays(id)).length
  }

  /** A copy that died with its holder is none. */
  #isThere(holder: PeerId): boolean {
    const state = this.#cluster.member(holder)?.state
    return state !== 'dead' && state !== 'left'
  }

  /** A copy that is about to go with its holder is not one of those that were asked for. */
  #stays(holder: PeerId): boolean {
    if (this.#departing.has(holder)) return false
    const state = this.#cluster.member(holder)?.state
    return state !== undefined && state !== 'dead' && state !== 'left' && state !== 'leaving'
  }

  /** Every owner has it and none has it on disk: nobody is left to wait for. */
  #checkHopeless(): void {
    const { key, replicas } = this.#record
    if (
      this.#placement.isMoving ||
      !this.#placement.owners(key, replicas).every((id) => this.#holders.has(id))
    )
      return
    const text = `${this.#name} is held by its ${this.#holders.size} owners, and none has it on the disk of an edge worker`
    this.#finish({ kind: 'failed', error: new RingmeshError('NotDurable', text) })
  }

  /**
   * Gives up at once where too few stay for the write ever to be held often enough. Who was called dead a
   * moment ago may yet say that it lives. What was sent may be stored, and is handed on by those that leave.
   */
  #checkStaying(): void {
    const { writes, fewerSuffice } = this.#options
    const { nextRing, lastDeath, runtime } = this.#cluster
    if (this.#isOver || fewerSuffice || nextRing.size >= writes) return
    if (runtime.now() - lastDeath < alonePatience) return
    // A tab that was hidden meanwhile is on no ring, and may have it all the same.
    const able = new Set([...nextRing.nodes().map(({ id }) => id), ...this.#asked.keys(), ...this.#holders])
    const staying = [...able].filter((id) => this.#stays(id)).length
    if (staying >= writes) return
    const few = `no more than ${staying} of the peers stay, and it needs ${writes} copies`
    const error = this.#isSent
      ? this.#unknown(few)
      : new RingmeshError('NotEnoughPeers', `${this.#name} was not written: ${few}`)
    this.#finish({ kind: 'failed', error })
  }

  /** One owner that does not believe the stamp may have a wrong clock itself; too many are right. */
  #checkDoubted(): void {
    const { key, replicas } = this.#record
    const owners = this.#placement.owners(key, replicas)
    const believing = owners.filter((id) => !this.#doubting.has(id)).length
    if (believing < this.#options.writes || !this.#accepted) this.#finish({ kind: 'ahead' })
  }

  /** Gives up at once where too many owners have no room for the write ever to be held often enough. */
  #checkFull(): void {
    const { key, replicas } = this.#record
    const owners = this.#placement.owners(key, replicas)
    const roomy = owners.filter((id) => !this.#full.has(id)).length
    if (roomy >= this.#options.writes) return
    const text = `the storage of ${this.#full.size} owners of ${this.#name} is full`
    this.#finish({ kind: 'failed', error: new RingmeshError('NotEnoughPeers', text) })
  }

  #timedOut(): void {
    const { writes, durable, timeout } = this.#options
    const reached = `${this.#holders.size} of ${writes} copies`
    const error =
      durable && this.#holders.size >= writes
        ? new RingmeshError(
            'NotDurable',
            `no edge worker confirmed ${this.#name} on disk within ${timeout} ms`,
          )
        : this.#unknown(`it took over ${timeout} ms with ${reached}`)
    this.#finish({ kind: 'failed', error })
  }

  #unknown(why: string): RingmeshError {
    return new RingmeshError('Timeout', `whether the write of ${this.#name} will last is unknown: ${why}`)
  }

  get #name(): string {
    return `'${this.#record.key}' of '${this.#record.store}'`
  }

  #finish(end: WriteEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    // Requests under way are left to arrive: the more copies the better.
    this.#end(end)
  }
}
