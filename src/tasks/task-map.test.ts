import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { Busy } from './errors.js'
import { TaskMap, type TaskMapPlan } from './task-map.js'

type Settle = (error: unknown, value: number | undefined) => void

/** A map whose tasks are settled by the test. */
function mapped(
  inputs: Iterable<number> | AsyncIterable<number>,
  plan: Partial<TaskMapPlan<number, number>> = {},
) {
  const time = new VirtualTime()
  const started: { input: number; settle: Settle; cancelled: boolean }[] = []
  const map = new TaskMap<number, number>({
    runtime: time.runtime(),
    inputs,
    ordered: false,
    signal: undefined,
    limit: () => 3,
    start(input, settle) {
      const task = { input, settle, cancelled: false }
      started.push(task)
      return {
        cancel() {
          task.cancelled = true
        },
      }
    },
    ...plan,
  })
  return { map, started, time }
}

function* naturals(closed: { times: number } = { times: 0 }): Generator<number> {
  try {
    for (let n = 0; ; n++) yield n
  } finally {
    closed.times++
  }
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('TaskMap', () => {
  it('takes inputs only as results are taken, from an endless source', async () => {
    const { map, started } = mapped(naturals())
    expect(started).toHaveLength(0)
    const first = map.next()
    expect(started.map(({ input }) => input)).toEqual([0, 1, 2])
    started[1]?.settle(undefined, 10)
    expect(await first).toEqual({ done: false, value: { index: 1, value: 10 } })
    started[0]?.settle(undefined, 20)
    started[2]?.settle(undefined, 30)
    await turns()
    expect(started).toHaveLength(4)
    expect(await map.next()).toEqual({ done: false, value: { index: 0, value: 20 } })
    expect(started).toHaveLength(5)
  })

  it('yields in the order of the inputs when asked to', async () => {
    const { map, started } = mapped([7, 8, 9], { ordered: true })
    const results = [map.next(), map.next(), map.next(), map.next()]
    started[2]?.settle(undefined, 3)
    started[1]?.settle(undefined, 2)
    started[0]?.settle(undefined, 1)
    expect(await Promise.all(results)).toEqual([
      { done: false, value: { index: 0, value: 1 } },
      { done: false, value: { index: 1, value: 2 } },
      { done: false, value: { index: 2, value: 3 } },
      { done: true, value: undefined },
    ])
  })

  it('takes asynchronous sources, one input at a time', async () => {
    let asked = 0
    async function* source() {
      for (let n = 0; n < 4; n++) {
        asked++
        yield n
      }
    }
    const { map, started } = mapped(source())
    const first = map.next()
    await turns()
    expect(asked).toBe(3)
    for (let index = 0; index < 4; index++) {
      started[index]?.settle(undefined, index)
      await turns()
    }
    expect(await first).toMatchObject({ value: { index: 0 } })
    for (let index = 1; index < 4; index++) {
      expect(await map.next()).toMatchObject({ value: { index } })
      await turns()
      started[index + 1]?.settle(undefined, index)
    }
    expect(await map.next()).toEqual({ done: true, value: undefined })
  })

  it('ends at the first failure: the rest is cancelled, the source closed, the loop throws once', async () => {
    const closed = { times: 0 }
    const { map, started } = mapped(naturals(closed))
    const first = map.next()
    const second = map.next()
    const error = new Error('no')
    started[1]?.settle(error, undefined)
    await expect(first).rejects.toBe(error)
    expect(await second).toEqual({ done: true, value: undefined })
    expect(await map.next()).toEqual({ done: true, value: undefined })
    expect(started.map(({ cancelled }) => cancelled)).toEqual([true, false, true])
    expect(closed.times).toBe(1)
  })

  it('is ended by a break out of the loop', async () => {
    const closed = { times: 0 }
    const { map, started } = mapped(naturals(closed))
    const loop = (async () => {
      for await (const { value } of map) return value
    })()
    started[0]?.settle(undefined, 5)
    expect(await loop).toBe(5)
    expect(started.filter(({ cancelled }) => cancelled)).toHaveLength(started.length - 1)
    expect(closed.times).toBe(1)
  })

  it('passes on what the source throws, now or later', async () => {
    const broken = {
      [Symbol.iterator]: () => {
        throw new RangeError('no source')
      },
    }
    await expect(mapped(broken as Iterable<number>).map.next()).rejects.toThrow('no source')
    async function* failing() {
      yield 1
      throw new RangeError('ran dry')
    }
    const { map, started } = mapped(failing())
    const first = map.next()
    await turns()
    await expect(first).rejects.toThrow('ran dry')
    expect(started[0]?.cancelled).toBe(true)
  })

  it('is ended by its signal, also before it began', async () => {
    const abort = new AbortController()
    const { map, started } = mapped(naturals(), { signal: abort.signal })
    const first = map.next()
    abort.abort('enough')
    await expect(first).rejects.toMatchObject({ name: 'Aborted', cause: 'enough' })
    expect(started.every(({ cancelled }) => cancelled)).toBe(true)
    const late = mapped(naturals(), { signal: abort.signal })
    await expect(late.map.next()).rejects.toMatchObject({ name: 'Aborted' })
    expect(late.started).toHaveLength(0)
  })

  it('waits when the queue is full, and goes on from the same input', async () => {
    let full = true
    const started: number[] = []
    const { map, time } = mapped([1, 2], {
      start(input, settle) {
        if (full) throw new Busy('full', 500)
        started.push(input)
        settle(undefined, input)
        return { cancel() {} }
      },
    })
    const first = map.next()
    time.advance(499)
    full = false
    expect(started).toEqual([])
    time.advance(1)
    expect(await first).toMatchObject({ value: { index: 0, value: 1 } })
    expect(await map.next()).toMatchObject({ value: { index: 1, value: 2 } })
    expect(await map.next()).toMatchObject({ done: true })
    expect(started).toEqual([1, 2])
  })
})
