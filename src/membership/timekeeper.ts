import { isPlanted, type Runtime, type Timer } from '../runtime/index.js'
import type { Beliefs } from './beliefs.js'
import { LATE_TIMER, PROBE_PERIOD, SYNC_PERIOD, WAKE_PERIODS, WAKE_SILENCE, WAKE_SYNCS } from './constants.js'
import type { Errands } from './errands.js'
import type { Greetings } from './greetings.js'
import type { OwnWord } from './own-word.js'
import type { Prober } from './prober.js'
import type { PushPull } from './push-pull.js'
import type { Verdicts } from './verdicts.js'

/** All that has its time. */
export interface Timed {
  readonly beliefs: Beliefs
  readonly prober: Pick<Prober, 'due' | 'expire' | 'forget' | 'health' | 'period'>
  readonly errands: Pick<Errands, 'due' | 'expire' | 'forget' | 'isEmpty'>
  readonly verdicts: Pick<Verdicts, 'due' | 'excuse' | 'run' | 'woke'>
  readonly greetings: Pick<Greetings, 'period'>
  readonly ownWord: Pick<OwnWord, 'returnAt' | 'run'>
  readonly pushPull: Pick<PushPull, 'startWithAny'>
}

/**
 * The one timer: does what is due, and knows what it means that it is late. Pages sleep without
 * notice, and are throttled: what did not arrive meanwhile says nothing of the others.
 */
export class Timekeeper {
  readonly #runtime: Runtime
  readonly #timed: Timed
  readonly #onTimer = (): void => this.#timerFired()
  #isRunning = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  /** When this peer last did anything: a long gap means that it slept. */
  #awakeAt = 0
  #wokeAt = Number.NEGATIVE_INFINITY
  #nextPeriod = 0
  #nextProbe = 0
  #nextSync = 0

  constructor(timed: Timed) {
    this.#runtime = timed.beliefs.runtime
    this.#timed = timed
  }

  start(): void {
    this.#isRunning = true
    const now = this.#runtime.now()
    this.#awakeAt = now
    // By chance, so that peers that start together do not probe together.
    this.#nextPeriod = now + PROBE_PERIOD * this.#runtime.random()
    this.#nextProbe = this.#nextPeriod
    this.#nextSync = now + SYNC_PERIOD * (0.5 + this.#runtime.random())
    this.arm(now)
  }

  /** Nothing is done from now on. */
  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Something may have become due sooner. */
  arm(now: number): void {
    if (!this.#isRunning) return
    const { beliefs, prober, errands, verdicts, ownWord } = this.#timed
    let at = Math.min(this.#nextPeriod, this.#nextSync, ownWord.returnAt)
    if (!beliefs.queue.isEmpty) at = Math.min(at, beliefs.nextGossip)
    at = Math.min(at, prober.due, errands.due, verdicts.due(now))
    if (this.#timer !== undefined) {
      if (at === this.#timerAt) return
      this.#timer.cancel()
    }
    this.#timerAt = at
    this.#timer = this.#runtime.timer(Math.max(0, at - now), this.#onTimer)
  }

  /** A message was looked at, which brings answers, probes for others and news: cheaper to see than {@link arm}. */
  armForMessage(now: number): void {
    const { beliefs, prober, errands } = this.#timed
    const isUrgent = prober.due < this.#timerAt || errands.due < this.#timerAt
    if (isUrgent || (!beliefs.queue.isEmpty && beliefs.nextGossip < this.#timerAt)) this.arm(now)
  }

  /**
   * Before a message is looked at: had a timer been due long since? Then this page sleeps or is
   * throttled, and the message does the timer's work, which thus knows that it is late.
   */
  catchUp(now: number): void {
    if (now - this.#timerAt <= LATE_TIMER) {
      this.#awakeAt = now
      return
    }
    this.#timer?.cancel()
    this.#timer = undefined
    this.#advance(now)
  }

  /** This page slept: what it waited for says nothing, and what it believes is old. */
  woke(now: number): void {
    // The timer, a message and the page's own event may all tell of one awakening.
    if (isPlanted('no-wake-sync') || now - this.#wokeAt < LATE_TIMER) return
    this.#wokeAt = now
    const { beliefs, prober, errands, verdicts, pushPull } = this.#timed
    beliefs.silentUntil = now + WAKE_SILENCE
    prober.forget()
    errands.forget()
    verdicts.woke(now)
    for (let count = 0; count < WAKE_SYNCS; count++) pushPull.startWithAny(now)
  }

  #timerFired(): void {
    this.#timer = undefined
    if (this.#isRunning) this.#advance(this.#runtime.now())
  }

  /** Does all that is due. */
  #advance(now: number): void {
    const { beliefs, prober, errands, verdicts, ownWord } = this.#timed
    const lateness = now - this.#timerAt
    if (isPlanted('late-timer-verdict')) {
      prober.expire(now)
      verdicts.run(now)
    }
    this.#wakeIfSlept(now)
    if (lateness > LATE_TIMER) this.#excuse(lateness, now)
    prober.expire(now)
    if (!errands.isEmpty) errands.expire(now)
    verdicts.run(now)
    ownWord.run(now)
    if (now >= this.#nextPeriod) this.#period(now)
    if (now >= this.#nextSync) this.#sync(now)
    if (!beliefs.queue.isEmpty && now >= beliefs.nextGossip) beliefs.gossip(now)
    this.arm(now)
  }

  #period(now: number): void {
    const { prober, greetings } = this.#timed
    this.#nextPeriod = now + PROBE_PERIOD
    if (now >= this.#nextProbe) {
      this.#nextProbe = now + PROBE_PERIOD * prober.health
      prober.period(now)
    }
    greetings.period(now)
  }

  #sync(now: number): void {
    // Spread by a quarter either way, so that peers that joined together do not stay together.
    this.#nextSync = now + SYNC_PERIOD * (0.75 + this.#runtime.random() / 2)
    this.#timed.pushPull.startWithAny(now)
  }

  /** Rule 2: a timer that fired this late proves nothing. Probes begin anew, and the time does not count. */
  #excuse(lateness: number, now: number): void {
    const { prober, errands, verdicts } = this.#timed
    prober.forget()
    errands.forget()
    verdicts.excuse(lateness, now)
  }

  /** Rule 3: a long gap in our own time means that we slept. */
  #wakeIfSlept(now: number): void {
    const slept = now - Math.max(this.#awakeAt, Math.min(this.#timerAt, now) - PROBE_PERIOD)
    this.#awakeAt = now
    if (slept <= PROBE_PERIOD * WAKE_PERIODS || isPlanted('no-wake-sync')) return
    // What was news before is not any more, except what we say of ourselves.
    const { queue, self, table } = this.#timed.beliefs
    queue.clear()
    queue.add(self, table.size)
    this.woke(now)
  }
}
