import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventQueue, ScheduledEvent } from './event-queue.js'

class Numbered extends ScheduledEvent {
  readonly number: number

  constructor(number: number) {
    super()
    this.number = number
  }

  run(): void {}
}

/** What the queue should do, written as plainly as can be. */
class SortedList {
  #events: { at: number; order: number; number: number }[] = []
  #order = 0

  add(number: number, at: number): void {
    this.#events.push({ at, order: this.#order++, number })
    this.#events.sort((a, b) => a.at - b.at || a.order - b.order)
  }

  remove(number: number): void {
    this.#events = this.#events.filter((event) => event.number !== number)
  }

  take(end: number): { at: number; number: number } | undefined {
    const first = this.#events[0]
    return first !== undefined && first.at <= end ? this.#events.shift() : undefined
  }

  get size(): number {
    return this.#events.length
  }
}

const delay = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 50 }),
  fc.double({ min: 0, max: 5_000, noNaN: true }),
  fc.integer({ min: 3_000, max: 100_000 }),
)
const command = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), delay }),
  fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }),
  fc.record({ kind: fc.constant('take' as const), window: fc.integer({ min: 0, max: 20_000 }) }),
)

describe('EventQueue', () => {
  it('does as a sorted list does, whatever is added, taken back and taken', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const queue = new EventQueue()
        const list = new SortedList()
        const events: Numbered[] = []
        let now = 0
        for (const step of commands) {
          if (step.kind === 'add') {
            const event = new Numbered(events.length)
            events.push(event)
            queue.add(event, now + step.delay)
            list.add(event.number, now + step.delay)
          } else if (step.kind === 'remove' && events.length > 0) {
            const event = events[step.pick % events.length] as Numbered
            queue.remove(event)
            list.remove(event.number)
            expect(event.isScheduled).toBe(false)
          } else if (step.kind === 'take') {
            const end = now + step.window
            const expected = list.take(end)
            if (expected !== undefined) expect(queue.nextTime()).toBe(expected.at)
            const taken = queue.take(end) as Numbered | undefined
            expect(taken?.number).toBe(expected?.number)
            // As `advance` does: the time goes on to the window's end also when nothing was due.
            now = taken?.at ?? end
          }
          expect(queue.size).toBe(list.size)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('lets an event be scheduled again once it has run', () => {
    const queue = new EventQueue()
    const event = new Numbered(1)
    for (const at of [1, 5_000, 5_001, 60_000]) {
      queue.add(event, at)
      expect(queue.take(at)).toBe(event)
      expect(queue.size).toBe(0)
    }
  })
})
