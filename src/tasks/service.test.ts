import { describe, expect, it } from 'vitest'
import type { TaskContext } from './runner.js'
import { TaskNetwork } from './testing/task-network.js'

/** Defines `work` at each peer: takes so long, and tells which peer ran it. */
function defineWork(network: TaskNetwork, ids: readonly string[], took: number, concurrency = 1) {
  for (const id of ids) {
    network.service(id).define(
      'work',
      async () => {
        await network.sleep(id, took)
        return id
      },
      { concurrency },
    )
  }
}

async function collect<T>(results: AsyncIterable<{ index: number; value: T }>): Promise<T[]> {
  const values: T[] = []
  for await (const { value } of results) values.push(value)
  return values
}

function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

describe('run', () => {
  it('runs a task here and elsewhere and gives a copy of its result', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const given: unknown[] = []
    network.service('b').define('echo', (input: { n: number }, { attempt, id }: TaskContext) => {
      given.push([attempt, id])
      return { n: input.n + 1 }
    })
    expect(await network.until(network.service('a').run('echo', { n: 1 }))).toEqual({ n: 2 })
    expect(given).toEqual([[1, 'a.1']])
    const local = network.service('b').run('echo', { n: 5 })
    expect(await network.until(local)).toEqual({ n: 6 })
    expect(network.service('a').stats()).toMatchObject({ done: 1, queued: 0, placed: 0 })
  })
})

describe('turns', () => {
  it('gives 300 tasks to three equal peers evenly, and to the two that are left when one leaves', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['a', 'b', 'c'], 20)
    const before = counted(
      await network.until(collect<string>(network.service('a').map('work', Array(300).keys()))),
    )
    for (const id of ['a', 'b', 'c']) expect(Math.abs((before[id] ?? 0) - 100)).toBeLessThanOrEqual(3)
    network.net.leave('c')
    await network.time.advanceAsync(100)
    const after = counted(
      await network.until(collect<string>(network.service('a').map('work', Array(200).keys()))),
    )
    expect(after.c).toBeUndefined()
    for (const id of ['a', 'b']) expect(Math.abs((after[id] ?? 0) - 100)).toBeLessThanOrEqual(3)
  })
})

describe('a peer that drops', () => {
  it('gives its tasks to the others when it crashes', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['b', 'c'], 100)
    const all = collect<string>(network.service('a').map('work', Array(60).keys()))
    await network.time.advanceAsync(500)
    network.net.crash('b')
    const values = await network.until(all)
    expect(values).toHaveLength(60)
    expect(network.service('a').stats()).toMatchObject({ done: 60, failed: 0, placed: 0 })
  })
})
