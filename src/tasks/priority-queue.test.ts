import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { PriorityQueue, type Queueable, type TaskPriority, taskPriorities } from './priority-queue.js'

// Virtual time costs real time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 })

interface Entry extends Queueable {
  readonly number: number
}

const entry = (number: number, priority: TaskPriority): Entry => ({ number, priority, queued: false })

describe('PriorityQueue', () => {
  it('shares turns 16 : 4 : 1 while all wait, so that none starves', () => {
    const queue = new PriorityQueue<Entry>()
    for (let number = 0; number < 100; number++)
      for (const priority of taskPriorities) queue.push(entry(number, priority))
    const turns = Array.from({ length: 21 }, () => queue.shift()?.priority)
    expect(taskPriorities.map((priority) => turns.filter((turn) => turn === priority).length)).toEqual([
      16, 4, 1,
    ])
  })

  it('keeps the order within a priority, loses nothing and gives nothing twice', () => {
    const command = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('push' as const),
          priority: fc.constantFrom(...taskPriorities),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('shift' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('again' as const) }) },
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const queue = new PriorityQueue<Entry>()
        let waiting: Entry[] = []
        let last: Entry | undefined
        let number = 0
        for (const step of commands) {
          if (step.do === 'push') {
            const pushed = entry(number++, step.priority)
            queue.push(pushed)
            waiting.push(pushed)
          } else if (step.do === 'shift') {
            last = queue.shift()
            expect(last === undefined).toBe(waiting.length === 0)
            if (last === undefined) continue
            const { priority } = last
            expect(waiting.find((one) => one.priority === priority)).toBe(last)
            waiting = waiting.filter((one) => one !== last)
          } else if (step.do === 'remove') {
            const victim = waiting[step.which % Math.max(1, waiting.length)]
            if (victim === undefined) continue
            expect(queue.remove(victim)).toBe(true)
            expect(queue.remove(victim)).toBe(false)
            waiting = waiting.filter((one) => one !== victim)
          } else if (last !== undefined && !waiting.includes(last)) {
            queue.pushFirst(last)
            waiting.unshift(last)
            last = undefined
          }
          expect(queue.size).toBe(waiting.length)
        }
        expect(new Set(queue.drain())).toEqual(new Set(waiting))
      }),
    )
  })

  it('takes and gives a hundred thousand entries in time that grows with their number', () => {
    const queue = new PriorityQueue<Entry>()
    for (let number = 0; number < 100_000; number++) queue.push(entry(number, 'normal'))
    let misplaced = 0
    for (let number = 0; number < 100_000; number++) if (queue.shift()?.number !== number) misplaced++
    expect(misplaced).toBe(0)
  })
})
