import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import { type HybridClock, stepLimit } from './clock.js'
import { aheadLimit } from './constants.js'

/** By how many milliseconds a clock must be wrong before it is corrected: half of what others tolerate. */
const correctionLimit = aheadLimit / 2

/** Milliseconds within which an answer must come: its error is half of that (Cristian, 1989). */
const answerLimit = 1_000

/** Milliseconds between two surveys, however many stamps are doubted. */
const surveyPause = 1_000

/** Machines whose clocks are remembered, those that are gone too. */
const mostRemembered = 1_000

/**
 * Finds out whether this machine's clock is wrong: asks all others for theirs when members come and
 * go and when a stamp is doubted, here or there, and goes by the median of all. Who does not answer
 * counts as agreeing, and who is gone is remembered, so that neither one wrong clock nor a small
 * part of a split mesh sets right ones wrong. Of two clocks in a mesh of two the earlier counts: a
 * stamp from the past harms less than one from the future.
 */
export class ClockSurvey {
  readonly #cluster: Cluster
  readonly #clock: HybridClock
  readonly #corrected: (change: number) => void
  /** How far each other machine's clock is ahead of this one's. */
  readonly #others = new Map<PeerId, number>()
  /** This machine's clock less its timers' when those were noted. */
  #basis: number
  #startedAt = Number.NEGATIVE_INFINITY
  #isDue = false
  #listeners: (() => void)[] = []

  /** @param corrected - gets the milliseconds by which this clock was put forward, negative where it was set back */
  constructor(cluster: Cluster, clock: HybridClock, corrected: (change: number) => void) {
    this.#cluster = cluster
    this.#clock = clock
    this.#corrected = corrected
    this.#basis = this.#now()
    cluster.serve('store.clock', (_, request) =>
      request.reply({ type: 'store.time', clock: cluster.runtime.wallClock() }),
    )
  }

  /** Asks everybody, now or as soon as the last survey is a second old; `done` when that is over. */
  ask(done?: () => void): void {
    if (done !== undefined) this.#listeners.push(done)
    if (this.#isDue) return
    this.#isDue = true
    const { runtime } = this.#cluster
    const delay = Math.max(0, this.#startedAt + surveyPause - runtime.now())
    runtime.timer(delay, () => {
      this.#isDue = false
      this.#start()
    })
  }

  /** Asks everybody; `done` when that is over, and at `deadline` at the latest, a time of the runtime's clock. */
  settled(deadline: number, done: () => void): void {
    const { runtime } = this.#cluster
    let isDone = false
    const once = () => {
      if (isDone) return
      isDone = true
      timer.cancel()
      done()
    }
    const timer = runtime.timer(Math.max(0, deadline - runtime.now()), once)
    this.ask(once)
  }

  #start(): void {
    const { runtime, self } = this.#cluster
    const listeners = this.#listeners
    this.#listeners = []
    this.#startedAt = runtime.now()
    let open = 1
    const finish = () => {
      if (--open > 0) return
      for (const listener of listeners) listener()
    }
    for (const { id, state } of this.#cluster.members()) {
      if (id === self || state === 'left' || state === 'dead') continue
      open++
      const basis = this.#now()
      const askedAt = runtime.now()
      this.#cluster.request(id, { type: 'store.clock' }, answerLimit, (outcome) => {
        const elapsed = runtime.now() - askedAt
        // An answer that waited while this machine slept, or was set, or was busy, is no measure.
        const isInTime = elapsed <= answerLimit && Math.abs(this.#now() - basis) <= stepLimit
        if (isInTime && outcome.kind === 'reply' && outcome.message.type === 'store.time')
          this.#note(id, outcome.message.clock + elapsed / 2 - runtime.wallClock())
        finish()
      })
    }
    finish()
  }

  #note(peer: PeerId, ahead: number): void {
    const basis = this.#now()
    if (Math.abs(basis - this.#basis) > stepLimit) this.#others.clear()
    if (this.#others.size === 0) this.#basis = basis
    this.#others.delete(peer)
    this.#others.set(peer, ahead)
    for (const oldest of this.#others.keys()) {
      if (this.#others.size <= mostRemembered) break
      this.#others.delete(oldest)
    }
    this.#judge()
  }

  #judge(): void {
    const clocks = [0, ...this.#others.values()]
    for (const { id } of this.#cluster.members())
      if (id !== this.#cluster.self && !this.#others.has(id)) clocks.push(0)
    clocks.sort((a, b) => a - b)
    const median = clocks[(clocks.length - 1) >> 1] as number
    const offset = Math.abs(median) > correctionLimit ? median : 0
    const { offset: before } = this.#clock
    // What is nearly right stays as it is: the measure itself is not exact.
    if (offset === before || (offset !== 0 && Math.abs(offset - before) <= correctionLimit)) return
    this.#corrected(this.#clock.correct(offset))
  }

  #now(): number {
    return this.#cluster.runtime.wallClock() - this.#cluster.runtime.now()
  }
}
