import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import { INCARNATION_LEAP, REPLY_PAUSE } from './constants.js'
import { Damping } from './damping.js'
import type { Greetings } from './greetings.js'
import type { Prober } from './prober.js'
import { ALIVE, isGone, JOINING, LEAVING, LEFT, PARKED, SUSPECT, supersedes } from './standing.js'

/** What this peer says of itself. Nobody else raises its incarnation, and it raises it with every word. */
export class OwnWord {
  /** When it returns from being parked, as it came and went too often. */
  returnAt = Number.POSITIVE_INFINITY
  readonly #beliefs: Beliefs
  readonly #prober: Prober
  readonly #greetings: Greetings
  readonly #damping = new Damping()
  /** When this peer last outbid an incarnation that it never took. */
  #outbidAt = Number.NEGATIVE_INFINITY
  #isHidden = false

  constructor(beliefs: Beliefs, prober: Prober, greetings: Greetings) {
    this.#beliefs = beliefs
    this.#prober = prober
    this.#greetings = greetings
  }

  ready(): void {
    if (this.#beliefs.self.standing === JOINING) this.#announce(this.#isHidden ? PARKED : ALIVE)
  }

  park(): void {
    this.#isHidden = true
    this.returnAt = Number.POSITIVE_INFINITY
    if (this.#beliefs.self.standing === ALIVE) this.#announce(PARKED)
  }

  unpark(): void {
    if (!this.#isHidden) return
    this.#isHidden = false
    if (this.#beliefs.self.standing !== PARKED) return
    const now = this.#beliefs.runtime.now()
    const delay = this.#damping.returned(now)
    if (delay === 0) this.#announce(ALIVE)
    else this.returnAt = now + delay
  }

  leaving(): void {
    if (this.#beliefs.self.standing < LEAVING) this.#announce(LEAVING)
  }

  left(): void {
    this.#announce(LEFT)
  }

  /** Ends a wait that the damping imposed. */
  run(now: number): void {
    if (now < this.returnAt) return
    this.returnAt = Number.POSITIVE_INFINITY
    if (this.#beliefs.self.standing === PARKED) this.#announce(ALIVE)
  }

  /** Somebody says of us what is not so: outbid it. */
  refute(incarnation: number, standing: number, from: PeerId): void {
    const { self, gone, runtime, table } = this.#beliefs
    if (!supersedes(incarnation, standing, self.incarnation, self.standing)) {
      // Old news: whoever still believes it has missed our answer.
      if (standing >= SUSPECT && incarnation < self.incarnation) {
        this.#beliefs.tell(from, [this.#beliefs.ownClaim()])
      }
      return
    }
    const now = runtime.now()
    if (incarnation > self.incarnation && !this.#mayOutbid(incarnation, now)) {
      this.#beliefs.tell(from, [this.#beliefs.ownClaim()])
      return
    }
    const before = self.member()
    this.#prober.degrade(1)
    const wasBuried = isGone(standing)
    let own = self.standing
    if (wasBuried && own === ALIVE) {
      const delay = this.#damping.returned(now)
      if (delay > 0) {
        own = PARKED
        this.returnAt = now + delay
      }
    }
    self.isNews = wasBuried
    table.set(self, incarnation + 1, own)
    this.#beliefs.spread(self, now)
    this.#beliefs.tell(from, [this.#beliefs.ownClaim()])
    if (wasBuried) {
      this.#beliefs.broadcast(self)
      // Those whom we hold for dead may hold us for dead: both ends of a partition that has healed.
      for (const peer of gone.recent(now)) this.#greetings.greet(peer.id, true)
    }
    this.#beliefs.emit(self, before)
  }

  /**
   * Whether a lie is worth outbidding. One beyond the leap is taken back by whoever hears our own word,
   * and two within the pause are made to use up the incarnations: at a leap for each pause, 2^40 last
   * 17 years.
   */
  #mayOutbid(incarnation: number, now: number): boolean {
    const isLeap = incarnation > this.#beliefs.self.incarnation + INCARNATION_LEAP
    if (isLeap || now - this.#outbidAt < REPLY_PAUSE) return false
    this.#outbidAt = now
    return true
  }

  /** Says something new, to all that can be reached at once. */
  #announce(standing: number): void {
    const { self, table, runtime } = this.#beliefs
    const before = self.member()
    self.isNews = false
    table.set(self, self.incarnation + 1, standing)
    this.#beliefs.spread(self, runtime.now(), true)
    this.#beliefs.broadcast(self)
    this.#beliefs.emit(self, before)
  }
}
