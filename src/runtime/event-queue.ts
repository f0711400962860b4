/** Where an event is now. */
const idle = -2
const inWheel = -1
// 0 and above: its index in the heap of far events.

/**
 * Something that happens at a moment of virtual time. Subclasses say what; an instance may be
 * scheduled again once it has run or was taken back, so that busy kinds can be pooled.
 */
export abstract class ScheduledEvent {
  /** Virtual milliseconds at which it runs. Set by the queue. */
  at = 0
  /** Settles ties: the one scheduled first runs first. Set by the queue. */
  order = 0
  /** For the queue alone. */
  place = idle
  /** For the queue alone. */
  before: ScheduledEvent | undefined = undefined
  /** For the queue alone. */
  after: ScheduledEvent | undefined = undefined

  abstract run(): void

  get isScheduled(): boolean {
    return this.place !== idle
  }
}

/** Buckets of one millisecond each. A power of two, past the two to three seconds of most protocol timers. */
const bucketCount = 4096
const bucketMask = bucketCount - 1

/**
 * Events in the order of their times, in constant time each: a calendar queue (R. Brown, "Calendar
 * queues", CACM 31, 1988) of one-millisecond buckets with a bit for each bucket that is not empty,
 * and a binary heap for what is more than four seconds away.
 */
export class EventQueue {
  /** First millisecond of the wheel's year: all events in the wheel are in [base, base + bucketCount). */
  #base = 0
  #order = 0
  #size = 0
  #inWheel = 0
  readonly #first = new Array<ScheduledEvent | undefined>(bucketCount).fill(undefined)
  readonly #last = new Array<ScheduledEvent | undefined>(bucketCount).fill(undefined)
  readonly #occupied = new Uint32Array(bucketCount / 32)
  readonly #far: ScheduledEvent[] = []

  /** How many events wait. */
  get size(): number {
    return this.#size
  }

  /** Adds an event that is in no queue. `at` must not be before the last event that was taken. */
  add(event: ScheduledEvent, at: number): void {
    event.at = at
    event.order = this.#order++
    this.#size++
    if (at < this.#base + bucketCount) this.#putInWheel(event)
    else this.#putFar(event)
  }

  /** Takes an event back; does nothing when it is not scheduled. */
  remove(event: ScheduledEvent): void {
    if (event.place === idle) return
    if (event.place === inWheel) this.#takeFromWheel(event)
    else this.#takeFar(event.place)
    this.#size--
  }

  /** The time of the next event; Infinity when none waits. */
  nextTime(): number {
    if (this.#inWheel !== 0) return (this.#first[this.#firstBucket()] as ScheduledEvent).at
    return this.#far[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Takes the next event if its time is not after `end`. */
  take(end: number): ScheduledEvent | undefined {
    if (this.#size === 0) return undefined
    let next: ScheduledEvent
    if (this.#inWheel !== 0) next = this.#first[this.#firstBucket()] as ScheduledEvent
    else next = this.#far[0] as ScheduledEvent
    if (next.at > end) return undefined
    const base = Math.floor(next.at)
    if (base !== this.#base) this.#turnTo(base)
    this.#takeFromWheel(next)
    this.#size--
    return next
  }

  /** Moves the wheel on, and into it what is no longer far. */
  #turnTo(base: number): void {
    this.#base = base
    const end = base + bucketCount
    for (let event = this.#far[0]; event !== undefined && event.at < end; event = this.#far[0]) {
      this.#takeFar(0)
      this.#putInWheel(event)
    }
  }

  /** The first bucket that is not empty, seen from the base on; there must be one. */
  #firstBucket(): number {
    const occupied = this.#occupied
    const start = this.#base & bucketMask
    let word = start >>> 5
    let bits = (occupied[word] as number) & (-1 << (start & 31))
    while (bits === 0) {
      word = (word + 1) & (occupied.length - 1)
      bits = occupied[word] as number
    }
    return (word << 5) | (31 - Math.clz32(bits & -bits))
  }

  #putInWheel(event: ScheduledEvent): void {
    const bucket = Math.floor(event.at) & bucketMask
    let before = this.#last[bucket]
    while (before !== undefined && before.at > event.at) before = before.before
    const after = before === undefined ? this.#first[bucket] : before.after
    event.place = inWheel
    event.before = before
    event.after = after
    if (before === undefined) this.#first[bucket] = event
    else before.after = event
    if (after === undefined) this.#last[bucket] = event
    else after.before = event
    this.#occupied[bucket >>> 5] = (this.#occupied[bucket >>> 5] as number) | (1 << (bucket & 31))
    this.#inWheel++
  }

  #takeFromWheel(event: ScheduledEvent): void {
    const bucket = Math.floor(event.at) & bucketMask
    const { before, after } = event
    if (before === undefined) this.#first[bucket] = after
    else before.after = after
    if (after === undefined) this.#last[bucket] = before
    else after.before = before
    if (before === undefined && after === undefined) {
      this.#occupied[bucket >>> 5] = (this.#occupied[bucket >>> 5] as number) & ~(1 << (bucket & 31))
    }
    event.place = idle
    event.before = undefined
    event.after = undefined
    this.#inWheel--
  }

  #putFar(event: ScheduledEvent): void {
    this.#far.push(event)
    this.#rise(event, this.#far.length - 1)
  }

  #takeFar(index: number): void {
    const far = this.#far
    const event = far[index] as ScheduledEvent
    const last = far.pop() as ScheduledEvent
    event.place = idle
    if (last === event) return
    if (isBefore(last, event)) this.#rise(last, index)
    else this.#sink(last, index)
  }

  #rise(event: ScheduledEvent, from: number): void {
    const far = this.#far
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = far[above] as ScheduledEvent
      if (!isBefore(event, parent)) break
      far[index] = parent
      parent.place = index
      index = above
    }
    far[index] = event
    event.place = index
  }

  #sink(event: ScheduledEvent, from: number): void {
    const far = this.#far
    let index = from
    for (;;) {
      let below = 2 * index + 1
      if (below >= far.length) break
      if (
        below + 1 < far.length &&
        isBefore(far[below + 1] as ScheduledEvent, far[below] as ScheduledEvent)
      ) {
        below++
      }
      const child = far[below] as ScheduledEvent
      if (!isBefore(child, event)) break
      far[index] = child
      child.place = index
      index = below
    }
    far[index] = event
    event.place = index
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
