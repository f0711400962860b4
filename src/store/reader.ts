import { RingmeshError } from '../errors/index.js'
import type { Cluster, Outcome } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { hedgeAfter } from './constants.js'
import type { Held } from './held.js'
import type { Placement } from './placement.js'
import { join, markOf } from './record.js'

/** What one replica holds; `settled` where the absence of the key means something. */
export interface Finding {
  readonly held: Held | undefined
  readonly settled: boolean
}

export interface ReadOptions {
  /** Replicas to hear before answering: 1, or 2 when fresh. */
  readonly reads: number
  /** Copies that a write waits for: so many of the owners hold what was acknowledged, at least. */
  readonly writes: number
  /** Milliseconds. */
  readonly timeout: number
}

export type ReadEnd =
  | { readonly kind: 'read'; readonly held: Held | undefined; readonly stale: readonly PeerId[] }
  | { readonly kind: 'failed'; readonly error: RingmeshError }

/**
 * One read under way: asks this peer if it is an owner, else the first owner, and further ones when
 * that is slow or cannot say. An owner that has nothing may have missed a write that two others
 * acknowledged a moment ago, so all are asked before it is said that nothing is there.
 */
export class Read {
  readonly #cluster: Cluster
  readonly #placement: Placement
  readonly #findLocally: () => Finding
  readonly #store: string
  readonly #replicas: number
  readonly #key: string
  readonly #options: ReadOptions
  readonly #end: (end: ReadEnd) => void
  readonly #asked = new Map<PeerId, () => void>()
  readonly #findings = new Map<PeerId, Finding>()
  readonly #failed = new Set<PeerId>()
  readonly #timer: Timer
  #hedge: Timer | undefined
  #again: Timer | undefined
  #patience: Timer | undefined
  /** The other owners had their time to speak up. */
  #isLate = false
  #isOver = false

  constructor(
    cluster: Cluster,
    placement: Placement,
    findLocally: () => Finding,
    place: { readonly store: string; readonly replicas: number; readonly key: string },
    options: ReadOptions,
    end: (end: ReadEnd) => void,
  ) {
    this.#cluster = cluster
    this.#placement = placement
    this.#findLocally = findLocally
    this.#store = place.store
    this.#replicas = place.replicas
    this.#key = place.key
    this.#options = options
    this.#end = end
    this.#timer = cluster.runtime.timer(options.timeout, () => this.#timedOut())
  }

  start(): void {
    for (let asked = 0; asked < this.#options.reads; asked++) this.#askNext()
    this.#judge()
  }

  close(error: RingmeshError): void {
    this.#finish({ kind: 'failed', error })
  }

  /** Healthy owners before suspected ones, this peer before all, otherwise as the ring has them. */
  #candidates(): PeerId[] {
    const owners = this.#placement.owners(this.#key, this.#replicas)
    const { self } = this.#cluster
    const rank = (id: PeerId) => (id === self ? 0 : this.#cluster.member(id)?.state === 'suspect' ? 2 : 1)
    return [...owners].sort((a, b) => rank(a) - rank(b))
  }

  #askNext(): boolean {
    if (this.#isOver) return false
    const next = this.#candidates().find((id) => !this.#asked.has(id))
    if (next === undefined) return false
    this.#hedge?.cancel()
    if (next === this.#cluster.self) {
      this.#asked.set(next, () => {})
      this.#findings.set(next, this.#findLocally())
      return true
    }
    const message = {
      type: 'store.get',
      store: this.#store,
      replicas: this.#replicas,
      key: this.#key,
    } as const
    this.#asked.set(
      next,
      this.#cluster.request(next, message, this.#options.timeout, (outcome) => this.#answered(next, outcome)),
    )
    this.#hedge = this.#cluster.runtime.timer(hedgeAfter, () => this.#askNext())
    return true
  }

  #answered(from: PeerId, outcome: Outcome): void {
    if (this.#isOver) return
    if (outcome.kind === 'reply' && outcome.message.type === 'store.found') {
      const { kind, version, content, settled } = outcome.message
      const held = version === null ? undefined : { kind, version, content }
      this.#findings.set(from, { held, settled })
    } else this.#failed.add(from)
    this.#judge()
  }

  /** Is what was heard enough? Otherwise asks on. */
  #judge(): void {
    if (this.#isOver) return
    let held: Held | undefined
    let settledOnes = 0
    for (const finding of this.#findings.values()) {
      if (finding.held !== undefined) held = held === undefined ? finding.held : join(held, finding.held)
      if (finding.settled) settledOnes++
    }
    const settled = settledOnes > 0
    const owners = this.#candidates()
    const wanted = Math.min(this.#options.reads, owners.length)
    // Who has not been brought all that it owns yet may lack the latest write, so a fresh read does not rest on it.
    const heard = this.#options.reads > 1 ? settledOnes : this.#findings.size
    if (heard >= wanted && wanted > 0) {
      if (held !== undefined || (settled && this.#isMissing(owners))) {
        this.#read(held)
        return
      }
      if (settled) {
        this.#askAll()
        if (this.#isOver) return
      }
    }
    const waiting = this.#asked.size - this.#findings.size - this.#failed.size
    const needed = Math.max(1, wanted - heard)
    for (let asked = waiting; asked < needed; asked++) if (!this.#askNext()) break
    if (this.#asked.size > this.#findings.size + this.#failed.size || this.#isOver) return
    // Everybody was asked. Nobody has it, though nobody can vouch that it never was: it is not there.
    const hasAll = owners.length > 0 && owners.every((id) => this.#findings.has(id))
    if (hasAll) this.#read(held)
    else this.#startAgain()
  }

  /**
   * Nothing was found: is that enough to say so? Every owner has answered or cannot; or all had their
   * time and so many have answered that one of them would hold what was acknowledged.
   */
  #isMissing(owners: readonly PeerId[]): boolean {
    if (owners.every((id) => this.#findings.has(id) || this.#failed.has(id))) return true
    const overlap = Math.max(1, owners.length - Math.max(2, this.#options.writes) + 1)
    return this.#isLate && this.#findings.size >= overlap
  }

  /** Asks every other owner at once, as a miss is not to cost one round trip each. */
  #askAll(): void {
    while (this.#askNext());
    this.#hedge?.cancel()
    this.#patience ??= this.#cluster.runtime.timer(hedgeAfter, () => {
      this.#isLate = true
      this.#judge()
    })
  }

  /** Owners may be changing, or be busy: ask all once more in a little while. */
  #startAgain(): void {
    this.#again?.cancel()
    this.#again = this.#cluster.runtime.timer(hedgeAfter, () => {
      this.#asked.clear()
      this.#findings.clear()
      this.#failed.clear()
      this.#patience?.cancel()
      this.#patience = undefined
      this.#isLate = false
      this.start()
    })
  }

  #read(held: Held | undefined): void {
    const stale: PeerId[] = []
    if (held !== undefined) {
      const mark = markOf(held)
      for (const [id, finding] of this.#findings)
        if (finding.held === undefined || markOf(finding.held) !== mark) stale.push(id)
    }
    this.#finish({ kind: 'read', held, stale })
  }

  #timedOut(): void {
    const error = new RingmeshError(
      'Timeout',
      `reading '${this.#key}' of '${this.#store}' took over ${this.#options.timeout} ms`,
    )
    this.#finish({ kind: 'failed', error })
  }

  #finish(end: ReadEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    this.#hedge?.cancel()
    this.#again?.cancel()
    this.#patience?.cancel()
    for (const giveUp of this.#asked.values()) giveUp()
    this.#end(end)
  }
}
