import { describe, expect, it, vi } from 'vitest'
import type { TaskContext } from './runner.js'
import { TaskNetwork } from './testing/task-network.js'
import { collect, counted, defineWork, idle } from './testing/work.js'

// Virtual time costs real time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 })

describe('a peer that drops or rests', () => {
  it('gives its tasks to the others when it crashes', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['b', 'c'], 100)
    const all = collect<string>(network.service('a').map('work', Array(60).keys()))
    await network.time.advanceAsync(500)
    network.net.crash('b')
    const values = await network.until(all)
    expect(values).toHaveLength(60)
    expect(network.service('a').stats()).toMatchObject({ done: 60, failed: 0, ...idle })
  })

  it('is given nothing while it is suspect, and its result still counts', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['b', 'c'], 100)
    const a = network.service('a')
    await network.time.advanceAsync(10)
    const runs = Array.from({ length: 4 }, () => a.run<string>('work', 1))
    await network.time.advanceAsync(20)
    network.net.suspect('b', ['a'], 1000)
    const more = Array.from({ length: 8 }, () => a.run<string>('work', 1))
    expect(counted(await network.until(Promise.all(runs)))).toEqual({ b: 2, c: 2 })
    const during = await network.until(Promise.all(more))
    expect(during).toEqual(Array(8).fill('c'))
    expect(a.stats()).toMatchObject({ lost: 0, stale: 0 })
  })

  it('returns what it has not begun when its page is hidden', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['b', 'c'], 200)
    const a = network.service('a')
    await network.time.advanceAsync(10)
    const runs = Array.from({ length: 4 }, () => a.run<string>('work', 1))
    await network.time.advanceAsync(20)
    expect(network.service('b').stats()).toMatchObject({ running: 1, waiting: 1 })
    network.net.park('b')
    await network.time.advanceAsync(20)
    expect(network.service('b').stats()).toMatchObject({ running: 1, waiting: 0 })
    expect(counted(await network.until(Promise.all(runs)))).toEqual({ b: 1, c: 3 })
    expect(a.stats()).toMatchObject({ returned: 1, ...idle })
  })

  it('still works when everybody is hidden', async () => {
    const network = new TaskNetwork(['a', 'b'])
    defineWork(network, ['b'], 20)
    network.net.park('a')
    network.net.park('b')
    await network.time.advanceAsync(100)
    expect(await network.until(network.service('a').run('work', 1))).toBe('b')
  })

  it('drains when it leaves: ends what it has begun, returns the rest', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['b', 'c'], 300)
    const a = network.service('a')
    await network.time.advanceAsync(10)
    const runs = Array.from({ length: 4 }, () => a.run<string>('work', 1))
    await network.time.advanceAsync(20)
    let gone = false
    network.net.leave('b', () => {
      gone = true
    })
    await network.time.advanceAsync(200)
    expect(gone).toBe(false)
    expect(counted(await network.until(Promise.all(runs)))).toEqual({ b: 1, c: 3 })
    await network.time.advanceAsync(1000)
    expect(gone).toBe(true)
    expect(a.stats()).toMatchObject({ lost: 0, ...idle })
  })

  it('keeps its lease through a task that is longer than the lease', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    defineWork(network, ['b', 'c'], 50_000)
    const run = network.service('a').run('work', 1)
    await network.until(run)
    expect(network.service('a').stats()).toMatchObject({ assigned: 1, lost: 0 })
  })

  it('loses its lease when it freezes; its late result is counted and not used', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    const ran: string[] = []
    for (const id of ['b', 'c']) {
      network.service(id).define('work', async (_: unknown, { attempt }: TaskContext) => {
        ran.push(id)
        await network.sleep(id, 100)
        return [id, attempt]
      })
    }
    await network.time.advanceAsync(10)
    const a = network.service('a')
    const run = a.run<[string, number]>('work', 1)
    await network.time.advanceAsync(20)
    const frozen = ran[0] as string
    network.net.freeze(frozen, 40_000)
    const start = network.time.now
    const [id, attempt] = await network.until(run)
    expect(id).not.toBe(frozen)
    expect(attempt).toBe(2)
    expect(network.time.now - start).toBeLessThan(15_000 + 1_000 + 200)
    await network.time.advanceAsync(60_000)
    expect(a.stats()).toMatchObject({ lost: 1, stale: 1, done: 1, ...idle })
    expect(network.service(frozen).stats()).toMatchObject(idle)
  })

  it('takes nothing back on its own late timers, when it was itself asleep', async () => {
    const network = new TaskNetwork(['a', 'b'])
    defineWork(network, ['b'], 60_000)
    const a = network.service('a')
    const run = a.run('work', 1)
    await network.time.advanceAsync(100)
    network.net.freeze('a', 30_000)
    await network.until(run)
    expect(a.stats()).toMatchObject({ assigned: 1, lost: 0 })
  })

  it('stops what it does for a coordinator that is gone', async () => {
    const network = new TaskNetwork(['a', 'b'])
    let stopped = 0
    network.service('b').define('wait', (_: unknown, { signal }: TaskContext) => {
      return new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          stopped++
          resolve(0)
        }),
      )
    })
    network
      .service('a')
      .run('wait', 1)
      .catch(() => {})
    await network.time.advanceAsync(100)
    expect(network.service('b').stats().running).toBe(1)
    network.net.crash('a')
    await network.time.advanceAsync(7000)
    expect(stopped).toBe(1)
    expect(network.service('b').stats()).toMatchObject(idle)
  })

  it('renews all that a peer holds with one message every five seconds', async () => {
    const renewals: number[] = []
    const network = new TaskNetwork(['a', 'b'], {
      onMessage: (_from, _to, message) => {
        if (message.type === 'tasks.renew') renewals.push(message.held.length)
      },
    })
    defineWork(network, ['b'], 30_000, 50)
    const runs = Array.from({ length: 50 }, () => network.service('a').run('work', 1))
    await network.until(Promise.all(runs))
    expect(renewals.length).toBeLessThanOrEqual(6)
    expect(Math.max(...renewals)).toBe(50)
  })

  it('shares its credit among several coordinators', async () => {
    const network = new TaskNetwork(['a', 'b', 'c', 'd'])
    defineWork(network, ['d'], 50, 2)
    await network.time.advanceAsync(10)
    const runs = ['a', 'b', 'c'].flatMap((id) =>
      Array.from({ length: 40 }, () => network.service(id).run('work', 1)),
    )
    await network.time.advanceAsync(1000)
    const { running, waiting } = network.service('d').stats()
    expect(running).toBe(2)
    expect(waiting).toBeLessThanOrEqual(6)
    await network.until(Promise.all(runs))
  })
})
