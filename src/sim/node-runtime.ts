import type { Log, Runtime, Timer } from '../runtime/index.js'
import { ScheduledEvent, seededRandom, type VirtualTime, virtualWallClockStart } from '../runtime/index.js'
import type { TraceHash } from './trace-hash.js'

/** How a browser treats the timers of a page. */
export type TimerMode =
  /** Timers fire when they are due. */
  | 'exact'
  /** A hidden page: once a second (Chromium, "timer throttling" of background pages). */
  | 'second'
  /** A page hidden for five minutes, with no data channel open: once a minute (Chromium 88, "intensive throttling"). */
  | 'minute'

/** In which order a page that thaws finds its timers and frames; browsers promise none. */
export type ThawOrder = 'due' | 'timers-first' | 'frames-first'

const periods = { exact: 0, second: 1_000, minute: 60_000 } as const

/** Timers with nothing to do but wait are this late at most on a machine that is not busy; 4 ms is HTML's clamp for nested timers. */
const ordinaryLateness = 4

class NodeTimer extends ScheduledEvent implements Timer {
  readonly #node: NodeRuntime
  readonly #fire: () => void
  #isCancelled = false

  constructor(node: NodeRuntime, fire: () => void) {
    super()
    this.#node = node
    this.#fire = fire
  }

  run(): void {
    if (this.#isCancelled) return
    if (this.#node.admits(this)) {
      this.#isCancelled = true
      this.#node.timers--
      this.#fire()
    }
  }

  get isSet(): boolean {
    return !this.#isCancelled
  }

  cancel(): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.#node.timers--
    this.#node.time.unschedule(this)
  }
}

/** Something that the platform does to a page: an event of the page, never throttled, waiting for a frozen page. */
class PageEvent extends ScheduledEvent {
  readonly #node: NodeRuntime
  readonly #act: () => void

  constructor(node: NodeRuntime, act: () => void) {
    super()
    this.#node = node
    this.#act = act
  }

  run(): void {
    if (this.#node.admitsFrame(this)) this.#act()
  }
}

/**
 * One node's world: its clocks, its chance, its timers, and what a browser does to them. A frozen
 * node runs nothing; what falls due meanwhile, timers and frames alike, waits and then floods it
 * in the order it fell due. A stopped node never runs again.
 */
export class NodeRuntime implements Runtime {
  readonly time: VirtualTime
  readonly random: () => number
  readonly log: Log
  /** Timers that are set. */
  timers = 0
  /** When this node last thawed, in virtual time, and how long it had been frozen. */
  thawedAt = Number.NEGATIVE_INFINITY
  sleptFor = 0
  /** How late the latest of the timers was that the last sleep held up; 0 when it held up none. */
  lateness = 0
  #frozeAt = 0
  /** When it was frozen, and until when. */
  readonly #sleeps: { readonly from: number; readonly until: number }[] = []
  readonly #hash: TraceHash
  readonly #number: number
  readonly #clockOffset: number
  #wallClockOffset: number
  #period = 0
  #phase = 0
  /** Since when timers have fired as they do. */
  #throttledAt = 0
  #state: 'running' | 'frozen' | 'stopped' = 'running'
  #backlog: ScheduledEvent[] = []
  /** Overdue timers that wait for the next tick of a hidden page. */
  readonly #throttled = new Set<ScheduledEvent>()
  /** Called with each traced step; the simulator's transcript. */
  onTrace: ((event: string, details: readonly (string | number | boolean)[]) => void) | undefined

  /**
   * @param name - forks the chance of this node from the seed
   * @param number - stands for the node in the trace hash
   */
  constructor(
    time: VirtualTime,
    hash: TraceHash,
    seed: string | number,
    name: string,
    number: number,
    log: Log = () => {},
  ) {
    this.time = time
    this.#hash = hash
    this.#number = number
    this.log = log
    this.random = seededRandom(`${seed}/node/${name}`)
    const clocks = seededRandom(`${seed}/clock/${name}`)
    // Every page starts its own monotonic clock; ordinary wall clocks are right to about a second.
    this.#clockOffset = Math.floor(clocks() * 1_000_000)
    this.#wallClockOffset = Math.floor((clocks() - 0.5) * 2_000)
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen'
  }

  /** When it last ran anything: now, unless it is frozen. */
  get lastAwake(): number {
    return this.isFrozen ? this.#frozeAt : this.time.now
  }

  /** Milliseconds of a time that is over in which it ran; one that is frozen has run up to {@link lastAwake}. */
  awakeBetween(from: number, until: number): number {
    return this.#sleeps.reduce(
      (awake, sleep) => awake - Math.max(0, Math.min(until, sleep.until) - Math.max(from, sleep.from)),
      Math.max(0, until - from),
    )
  }

  /** Whether timers fire when they are due. */
  get isExact(): boolean {
    return this.#period === 0
  }

  get isStopped(): boolean {
    return this.#state === 'stopped'
  }

  /** Frames and timers that wait for a frozen node. */
  get backlog(): number {
    return this.#backlog.length
  }

  now(): number {
    return this.time.now + this.#clockOffset
  }

  wallClock(): number {
    return virtualWallClockStart + Math.floor(this.time.now) + this.#wallClockOffset
  }

  timer(delay: number, fire: () => void): Timer {
    const timer = new NodeTimer(this, fire)
    this.timers++
    if (this.#state !== 'stopped') this.time.schedule(timer, delay + this.random() * ordinaryLateness)
    return timer
  }

  trace(event: string, ...details: readonly (string | number | boolean)[]): void {
    const hash = this.#hash
    hash.integer(this.#number)
    hash.string(event)
    for (const detail of details) hash.value(detail)
    this.onTrace?.(event, details)
  }

  /**
   * Whether `event` of this node may run now. If not, the node keeps it: until it thaws, or until
   * its next throttled tick when it is a timer.
   */
  admits(event: ScheduledEvent): boolean {
    if (this.#state === 'running') {
      if (this.#period === 0) return true
      const past = (this.time.now - this.#phase) % this.#period
      if (past < ordinaryLateness) {
        this.#throttled.delete(event)
        return true
      }
      this.#throttled.add(event)
      this.time.schedule(event, this.#period - past)
      return false
    }
    if (this.#state === 'frozen') this.#backlog.push(event)
    return false
  }

  /** As {@link admits}, for frames: browsers throttle timers, never messages. */
  admitsFrame(event: ScheduledEvent): boolean {
    if (this.#state === 'running') return true
    if (this.#state === 'frozen') this.#backlog.push(event)
    return false
  }

  /** Milliseconds by which a timer that is due now may be held back: until the next tick. */
  get heldBack(): number {
    return Math.min(this.#period, this.time.now - this.#throttledAt)
  }

  setTimerMode(mode: TimerMode): void {
    this.#period = periods[mode]
    this.#throttledAt = this.time.now
    this.#phase = this.#period === 0 ? 0 : this.time.now % this.#period
    // What waits for a tick that will not come so late any more.
    for (const event of this.#throttled) {
      if (!event.isScheduled) continue
      this.time.unschedule(event)
      this.time.schedule(event, 0)
    }
    this.#throttled.clear()
  }

  freeze(): void {
    if (this.#state !== 'running') return
    this.#state = 'frozen'
    this.#frozeAt = this.time.now
  }

  /** Runs the node again; everything that fell due meanwhile follows at once. */
  thaw(order: ThawOrder = 'due'): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    this.thawedAt = this.time.now
    this.sleptFor = this.time.now - this.#frozeAt
    this.#sleeps.push({ from: this.#frozeAt, until: this.time.now })
    const backlog = this.#backlog
    this.#backlog = []
    this.lateness = 0
    for (const event of backlog) {
      if (event instanceof NodeTimer)
        this.lateness = Math.max(this.lateness, event.isSet ? this.time.now - event.at : 0)
    }
    const isFirst = (event: ScheduledEvent): boolean =>
      event instanceof NodeTimer === (order === 'timers-first')
    if (order !== 'due') for (const event of backlog) if (isFirst(event)) this.time.schedule(event, 0)
    for (const event of backlog) if (order === 'due' || !isFirst(event)) this.time.schedule(event, 0)
  }

  /** Runs `act` as part of the event under way: at once, later if the page is frozen, never if it is gone. */
  hold(act: () => void): void {
    if (this.#state === 'running') act()
    else if (this.#state === 'frozen') this.#backlog.push(new PageEvent(this, act))
  }

  /** Calls `act` as an event of the page: late while it is frozen, never once it is gone. */
  later(delay: number, act: () => void): void {
    this.time.schedule(new PageEvent(this, act), delay)
  }

  /** The page is gone: nothing of it ever runs again. */
  stop(): void {
    this.#state = 'stopped'
    this.#backlog = []
    this.#throttled.clear()
  }

  /** The wall clock is set; `now` is not touched. */
  jumpWallClock(milliseconds: number): void {
    this.#wallClockOffset += milliseconds
  }
}
