import type { Log, Runtime, Timer } from './runtime.js'
import { seededRandom } from './seeded-random.js'

interface Entry {
  at: number
  order: number
  fire: (() => void) | undefined
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
  #order = 0
  readonly #heap: Entry[] = []
  readonly #seed: string | number

  constructor(seed: string | number = 0) {
    this.#seed = seed
  }

  get now(): number {
    return this.#now
  }

  /** How many timers wait, cancelled ones not counted. */
  get pending(): number {
    let waiting = 0
    for (const entry of this.#heap) if (entry.fire !== undefined) waiting++
    return waiting
  }

  /**
   * A runtime on this time. `name` forks the chance: runtimes of different names draw unrelated rows.
   * The wall clock starts at 2026-01-01.
   */
  runtime(name = '', options: { log?: Log; trace?: Runtime['trace'] } = {}): Runtime {
    const start = 1_767_225_600_000
    return {
      now: () => this.#now,
      wallClock: () => start + Math.floor(this.#now),
      random: seededRandom(`${this.#seed}/${name}`),
      timer: (delay, fire) => this.timer(delay, fire),
      log: options.log ?? (() => {}),
      trace: options.trace ?? (() => {}),
    }
  }

  timer(delay: number, fire: () => void): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, delay), order: this.#order++, fire }
    this.#push(entry)
    return {
      cancel: () => {
        entry.fire = undefined
      },
    }
  }

  /** Fires the next timer and moves the time to it; false when none waits. */
  step(): boolean {
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) {
      if (entry.fire === undefined) continue
      this.#now = entry.at
      const { fire } = entry
      entry.fire = undefined
      fire()
      return true
    }
    return false
  }

  /** Moves the time on by `milliseconds`, firing what falls due on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    while (this.#due(end)) this.step()
    this.#now = end
  }

  /** As {@link advance}, letting promises settle after every timer, for code with promises at its surface. */
  async advanceAsync(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await settled()
    while (this.#due(end)) {
      this.step()
      await settled()
    }
    this.#now = end
  }

  /** Whether a timer that still counts falls due by `end`; cancelled ones before it are dropped. */
  #due(end: number): boolean {
    while (this.#heap[0] !== undefined && this.#heap[0].fire === undefined) this.#pop()
    return this.#heap[0] !== undefined && this.#heap[0].at <= end
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above] as Entry
      if (!isBefore(entry, parent)) break
      heap[index] = parent
      index = above
    }
    heap[index] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Entry, heap[below] as Entry)) below++
      if (!isBefore(heap[below] as Entry, last)) break
      heap[index] = heap[below] as Entry
      index = below
    }
    heap[index] = last
    return first
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Enough turns of the microtask queue for a chain of awaits to come to rest. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
