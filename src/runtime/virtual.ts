import { EventQueue, ScheduledEvent } from './event-queue.js'
import type { Log, Runtime, Timer } from './runtime.js'
import { seededRandom } from './seeded-random.js'

/** 2026-01-01 in milliseconds since 1970: where virtual wall clocks start. */
export const virtualWallClockStart = 1_767_225_600_000

class VirtualTimer extends ScheduledEvent implements Timer {
  readonly #queue: EventQueue
  readonly #fire: () => void

  constructor(queue: EventQueue, fire: () => void) {
    super()
    this.#queue = queue
    this.#fire = fire
  }

  run(): void {
    this.#fire()
  }

  cancel(): void {
    this.#queue.remove(this)
  }
}

/**
 * Time that moves only when told to, for tests and the simulator: one queue of timers, fired in the
 * order of their times and, at equal times, in the order they were set.
 *
 * @example
 * ```ts
 * const time = new VirtualTime('seed')
 * const runtime = time.runtime()
 * runtime.timer(100, () => console.log('fired'))
 * time.advance(100)
 * ```
 */
export class VirtualTime {
  #now = 0
  readonly #queue = new EventQueue()
  readonly #seed: string | number

  constructor(seed: string | number = 0) {
    this.#seed = seed
  }

  get now(): number {
    return this.#now
  }

  /** How many timers wait, cancelled ones not counted. */
  get pending(): number {
    return this.#queue.size
  }

  /**
   * A runtime on this time. `name` forks the chance: runtimes of different names draw unrelated rows.
   * The wall clock starts at 2026-01-01.
   */
  runtime(name = '', options: { log?: Log; trace?: Runtime['trace'] } = {}): Runtime {
    return {
      now: () => this.#now,
      wallClock: () => virtualWallClockStart + Math.floor(this.#now),
      random: seededRandom(`${this.#seed}/${name}`),
      timer: (delay, fire) => this.timer(delay, fire),
      log: options.log ?? (() => {}),
      trace: options.trace ?? (() => {}),
    }
  }

  timer(delay: number, fire: () => void): Timer {
    const timer = new VirtualTimer(this.#queue, fire)
    this.schedule(timer, delay)
    return timer
  }

  /** Lets an event of the caller's own making run `delay` milliseconds from now. It must not be scheduled already. */
  schedule(event: ScheduledEvent, delay: number): void {
    // Written so that a delay that is not a number counts as none.
    this.#queue.add(event, delay > 0 ? this.#now + delay : this.#now)
  }

  /** Takes an event back; does nothing when it is not scheduled. */
  unschedule(event: ScheduledEvent): void {
    this.#queue.remove(event)
  }

  /** Fires the next timer and moves the time to it; false when none waits, or none until `end`. */
  step(end = Number.POSITIVE_INFINITY): boolean {
    const event = this.#queue.take(end)
    if (event === undefined) return false
    this.#now = event.at
    event.run()
    return true
  }

  /** Moves the time on by `milliseconds`, firing what falls due on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    while (this.step(end)) {}
    this.#now = end
  }

  /** As {@link advance}, letting promises settle after every timer, for code with promises at its surface. */
  async advanceAsync(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await settled()
    while (this.step(end)) await settled()
    this.#now = end
  }
}

/** Enough turns of the microtask queue for a chain of awaits to come to rest. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
