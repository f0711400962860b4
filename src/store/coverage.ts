import type { Cluster, Request } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { Absences } from './absences.js'
import type { Balancer } from './balancer.js'
import { coverLimit, coverRetry, parkedCoverLimit } from './constants.js'

/**
 * Knows whether this peer has been sent everything that it owns. After every change that may have
 * given it ranges it asks all others to tell when they have nothing left for it; until they have,
 * it does not vouch for the absence of a key, and while it joins it is not alive.
 */
export class Coverage {
  readonly #cluster: Cluster
  readonly #balancer: Balancer
  readonly #absences: Absences
  readonly #born: () => number
  readonly #learned: (born: number, clock: number) => void
  /** Peers that have not said yet that they are done with this one. */
  readonly #open = new Map<PeerId, () => void>()
  readonly #waiting = new Map<PeerId, { view: string; next: string; request: Request }>()
  readonly #listeners = new Set<() => void>()
  #retry: Timer | undefined
  #limit: Timer | undefined
  #parkedLimit: Timer | undefined
  #situation = ''

  /**
   * @param born - since when the state here has lived without a gap (wall clock)
   * @param learned - called with what others say of that, and their wall clocks
   */
  constructor(
    cluster: Cluster,
    balancer: Balancer,
    absences: Absences,
    born: () => number,
    learned: (born: number, clock: number) => void,
  ) {
    this.#cluster = cluster
    this.#balancer = balancer
    this.#absences = absences
    this.#born = born
    this.#learned = learned
    this.#situation = this.#now()
    cluster.serve('store.cover', (message, request) => {
      this.#waiting.get(request.from)?.request.refuse('busy')
      this.#waiting.set(request.from, { view: message.view, next: message.next, request })
      this.answer()
    })
    // One that is dead may be back, and waits still.
    cluster.on('down', ({ id, state }) => {
      if (state === 'left') this.#waiting.delete(id)
    })
  }

  /** Whether everybody has sent this peer what it owns. */
  get isComplete(): boolean {
    return this.#open.size === 0
  }

  /** Calls back as soon as it is complete, which may be at once, but not inside this call. */
  whenComplete(done: () => void): void {
    if (this.isComplete) this.#cluster.runtime.timer(0, done)
    else this.#listeners.add(done)
  }

  /** To be called when a member or a ring changed. */
  follow(): void {
    for (const id of [...this.#open.keys()]) if (!this.#isSource(id)) this.#close(id)
    if (this.#situation === this.#now()) return
    this.ask()
  }

  /** Asks everybody afresh. */
  ask(): void {
    this.#situation = this.#now()
    for (const giveUp of this.#open.values()) giveUp()
    this.#open.clear()
    for (const { id } of this.#cluster.members()) if (this.#isSource(id)) this.#open.set(id, () => {})
    for (const id of [...this.#open.keys()]) this.#ask(id)
    this.#limit?.cancel()
    this.#limit = this.#cluster.runtime.timer(coverLimit, () => {
      for (const id of [...this.#open.keys()]) this.#close(id)
    })
    this.#parkedLimit?.cancel()
    this.#parkedLimit = this.#cluster.runtime.timer(parkedCoverLimit, () => {
      for (const id of [...this.#open.keys()]) if (this.#isResting(id)) this.#close(id)
    })
    this.#check()
  }

  /** Answers those who asked and have been brought everything. */
  answer(): void {
    for (const [id, { view, next, request }] of [...this.#waiting]) {
      if (view !== this.#cluster.ring.digest || next !== this.#cluster.nextRing.digest) continue
      if (!this.#balancer.hasServed(id)) continue
      this.#waiting.delete(id)
      // Before it has a share of which it is asked what was deleted.
      if (this.#cluster.member(id)?.state === 'joining') this.#absences.tell(id)
      const clock = this.#cluster.runtime.wallClock()
      request.reply({ type: 'store.covered', born: this.#born(), clock })
    }
  }

  close(): void {
    this.#retry?.cancel()
    this.#limit?.cancel()
    this.#parkedLimit?.cancel()
    for (const giveUp of this.#open.values()) giveUp()
    this.#open.clear()
  }

  #ask(id: PeerId): void {
    const { ring, nextRing } = this.#cluster
    const message: Message = { type: 'store.cover', view: ring.digest, next: nextRing.digest }
    const giveUp = this.#cluster.request(id, message, coverLimit, (outcome) => {
      if (outcome.kind === 'reply' && outcome.message.type === 'store.covered') {
        const { born, clock } = outcome.message
        this.#learned(born, clock)
        this.#close(id)
      } else if (outcome.kind === 'down') this.#close(id)
      // Refused: no service there yet, or another question of ours overtook this one.
      else this.#later()
    })
    this.#open.set(id, giveUp)
  }

  #later(): void {
    if (this.#retry !== undefined) return
    this.#retry = this.#cluster.runtime.timer(coverRetry, () => {
      this.#retry = undefined
      for (const id of [...this.#open.keys()]) {
        this.#open.get(id)?.()
        this.#ask(id)
      }
    })
  }

  #close(id: PeerId): void {
    this.#open.get(id)?.()
    this.#open.delete(id)
    this.#check()
  }

  #check(): void {
    if (this.#open.size > 0) return
    this.#limit?.cancel()
    this.#parkedLimit?.cancel()
    this.#retry?.cancel()
    this.#retry = undefined
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) this.#cluster.runtime.timer(0, listener)
  }

  /** Whose copies this peer waits for: of all that work with state and are not suspected. */
  #isSource(id: PeerId): boolean {
    const member = id === this.#cluster.self ? undefined : this.#cluster.member(id)
    return (
      member !== undefined &&
      (member.state === 'alive' || member.state === 'leaving' || member.state === 'parked')
    )
  }

  /** Whether a peer is hidden and others own what it holds. Where all are hidden they are the owners still. */
  #isResting(id: PeerId): boolean {
    return this.#cluster.member(id)?.state === 'parked' && !this.#cluster.ring.has(id)
  }

  #now(): string {
    return `${this.#cluster.ring.digest} ${this.#cluster.nextRing.digest}`
  }
}
