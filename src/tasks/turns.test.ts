import { afterEach, describe, expect, it, vi } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import { seededRandom } from '../runtime/seeded-random.js'
import { TaskNetwork } from './testing/task-network.js'
import { collect, counted, defineWork, drive } from './testing/work.js'

// Virtual time costs real time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 })

describe('turns', () => {
  it('gives 300 tasks to three equal peers evenly, and to the two that are left when one leaves', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['a', 'b', 'c'], 20)
    const a = network.service('a')
    const before = counted(await network.until(collect<string>(a.map('work', Array(300).keys()))))
    for (const id of ['a', 'b', 'c']) expect(Math.abs((before[id] ?? 0) - 100)).toBeLessThanOrEqual(3)
    network.net.leave('c')
    await network.time.advanceAsync(100)
    const after = counted(await network.until(collect<string>(a.map('work', Array(200).keys()))))
    expect(after.c).toBeUndefined()
    for (const id of ['a', 'b']) expect(Math.abs((after[id] ?? 0) - 100)).toBeLessThanOrEqual(3)
  })

  it('keeps shares even over 300 tasks of which the last third comes after one of three has left', async () => {
    const network = new TaskNetwork(['a', 'b', 'c', 'd'])
    defineWork(network, ['b', 'c', 'd'], 20)
    const values: string[] = []
    for await (const { value } of drive(
      network,
      network.service('a').map<string>('work', Array(300).keys()),
    )) {
      values.push(value)
      if (values.length === 150) network.net.leave('d')
    }
    const shares = counted(values)
    expect(values).toHaveLength(300)
    expect(Math.abs((shares.b ?? 0) - (shares.c ?? 0))).toBeLessThanOrEqual(3)
    expect(Math.abs((shares.d ?? 0) - 50)).toBeLessThanOrEqual(3)
  })

  it('gives the weights 1, 2 and 3 those shares, without bursts', async () => {
    const network = new TaskNetwork(['a', 'b', 'c', 'd'])
    const order: string[] = []
    for (const [index, id] of ['b', 'c', 'd'].entries()) {
      network.service(id).define('turn', () => order.push(id), { concurrency: 100, weight: index + 1 })
    }
    await network.time.advanceAsync(10)
    for (let n = 0; n < 60; n++) await network.until(network.service('a').run('turn', n))
    expect(counted(order)).toEqual({ b: 10, c: 20, d: 30 })
    for (let start = 0; start + 6 <= 60; start++) {
      const window = counted(order.slice(start, start + 6))
      expect(window.d ?? 0).toBeLessThanOrEqual(4)
      expect(window.c ?? 0).toBeGreaterThanOrEqual(1)
    }
  })

  it('uses the weight of the peer where the definition has none', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'], { info: (id) => ({ weight: id === 'c' ? 4 : 1 }) })
    const order: string[] = []
    for (const id of ['b', 'c']) network.service(id).define('turn', () => order.push(id), { concurrency: 50 })
    await network.time.advanceAsync(10)
    for (let n = 0; n < 50; n++) await network.until(network.service('a').run('turn', n))
    expect(counted(order)).toEqual({ b: 10, c: 40 })
  })

  describe('while peers come and go', () => {
    let remove = () => {}
    afterEach(() => remove())

    /** Peers come and go between tasks; the most that one who stays is ahead of another. */
    async function unevenness(seed: number): Promise<number> {
      const random = seededRandom(seed)
      const staying = ['p0', 'p1', 'p2', 'p3']
      const network = new TaskNetwork(['caller', ...staying], {}, {}, seed)
      const turns: Record<string, number> = {}
      const define = (id: string) =>
        network.service(id).define(
          'turn',
          () => {
            turns[id] = (turns[id] ?? 0) + 1
          },
          { concurrency: 50 },
        )
      for (const id of staying) define(id)
      const guests: string[] = []
      for (let step = 0; step < 40; step++) {
        const draw = random()
        if (draw < 0.2) {
          const id = `g${step}`
          network.join(id)
          define(id)
          guests.push(id)
        } else if (draw < 0.4) {
          const [id] = guests.splice(Math.floor(random() * guests.length), 1)
          if (id !== undefined) network.net.leave(id)
        }
        await network.time.advanceAsync(20)
        await network.until(network.service('caller').run('turn', step))
      }
      const counts = staying.map((id) => turns[id] ?? 0)
      return Math.max(...counts) - Math.min(...counts)
    }

    it('those who stay are never more than a turn apart', async () => {
      for (let seed = 0; seed < 4; seed++) expect(await unevenness(seed)).toBeLessThanOrEqual(1)
    })

    it('a cursor that is kept by index is found', async () => {
      remove = plantBug('cursor-by-index')
      let worst = 0
      for (let seed = 0; seed < 10 && worst <= 1; seed++) worst = Math.max(worst, await unevenness(seed))
      expect(worst).toBeGreaterThan(1)
    })
  })

  it('lets high ones go first and low ones not starve', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const order: string[] = []
    network.service('b').define('job', async (priority: string) => {
      order.push(priority)
      await network.sleep('b', 10)
    })
    await network.time.advanceAsync(10)
    const runs: Promise<unknown>[] = []
    for (let n = 0; n < 100; n++) {
      for (const priority of ['low', 'normal', 'high'] as const) {
        runs.push(network.service('a').run('job', priority, { priority }))
      }
    }
    await network.until(Promise.all(runs))
    const early = counted(order.slice(0, 63))
    expect(early.high ?? 0).toBeGreaterThan(40)
    expect(early.normal ?? 0).toBeGreaterThan(8)
    expect(early.low ?? 0).toBeGreaterThanOrEqual(2)
    expect(counted(order)).toEqual({ high: 100, normal: 100, low: 100 })
  })
})
