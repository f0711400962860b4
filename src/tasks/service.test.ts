import { afterEach, describe, expect, it, vi } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import { seededRandom } from '../runtime/seeded-random.js'
import type { TaskContext } from './runner.js'
import { TaskNetwork } from './testing/task-network.js'

// Virtual time costs real time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 })

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

/** How a promise is rejected; fails when it is not. */
async function failure(
  network: TaskNetwork,
  promise: Promise<unknown>,
): Promise<Error & Record<string, unknown>> {
  return network.until(
    promise.then(
      (value) => {
        throw new Error(`expected a rejection, got ${String(value)}`)
      },
      (error) => error,
    ),
  )
}

const idle = { queued: 0, placed: 0, running: 0, waiting: 0 }

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
    const input = { n: 5 }
    const local = network.service('b').run('echo', input)
    input.n = 1000
    expect(await network.until(local)).toEqual({ n: 6 })
    expect(network.service('a').stats()).toMatchObject({ done: 1, ...idle })
  })

  it('waits a bounded time for somebody to define the task, and takes whoever comes', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const start = network.time.now
    const error = await failure(network, network.service('a').run('nobody', 1))
    expect(error).toMatchObject({ name: 'NoWorkers', task: 'nobody' })
    expect(network.time.now - start).toBeLessThan(7000)
    expect(network.service('a').stats()).toMatchObject(idle)
    const run = network.service('a').run('late', 1)
    await network.time.advanceAsync(3000)
    network.service('b').define('late', () => 'here')
    expect(await network.until(run)).toBe('here')
  })

  it('finds a worker whose offer was lost', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const cluster = network.net.cluster('b')
    const send = cluster.send.bind(cluster)
    let swallowed = 0
    cluster.send = (to, message) => {
      if (message.type !== 'tasks.offer' || swallowed === 2) return send(to, message)
      swallowed++
      return true
    }
    network.service('b').define('work', () => 1)
    await network.time.advanceAsync(50)
    expect(network.service('a').names()).toEqual([])
    expect(await network.until(network.service('a').run('work', 1))).toBe(1)
    expect(swallowed).toBe(2)
  })

  it('tries again elsewhere what fails, with full jitter, five times; then it is a dead letter', async () => {
    const network = new TaskNetwork(['a', 'b', 'c'])
    const tried: string[] = []
    for (const id of ['b', 'c']) {
      network.service(id).define('fails', (_: unknown, { attempt }: TaskContext) => {
        tried.push(id)
        const root = new TypeError('root')
        throw new RangeError(`no ${attempt}`, { cause: root })
      })
    }
    const error = await failure(network, network.service('a').run('fails', { x: 1 }))
    expect(error).toMatchObject({
      name: 'TaskFailed',
      attempts: 5,
      remote: { name: 'RangeError', message: 'no 5', cause: { name: 'TypeError', message: 'root' } },
      cause: { name: 'RangeError', message: 'no 5', cause: { message: 'root' } },
    })
    expect((error.cause as Error).stack).toContain('service.test.ts')
    expect(tried).toHaveLength(5)
    for (let at = 1; at < tried.length; at++) expect(tried[at]).not.toBe(tried[at - 1])

    const a = network.service('a')
    const [letter] = await a.deadLetters()
    expect(letter).toMatchObject({ name: 'fails', input: { x: 1 }, attempts: 5, durable: false })
    expect(await failure(network, a.retry('nothing'))).toMatchObject({ name: 'InvalidOption' })
    expect(await failure(network, a.retry(letter?.id ?? '', { retries: 0 }))).toMatchObject({
      name: 'TaskFailed',
    })
    const [again] = await a.deadLetters()
    expect(await a.discard(again?.id ?? '')).toBe(true)
    expect(await a.deadLetters()).toEqual([])
    expect(a.stats()).toMatchObject(idle)
  })

  it('keeps a dead letter whose retry came to nothing', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const undefine = network.service('b').define('fails', () => {
      throw new Error('no')
    })
    const a = network.service('a')
    await failure(network, a.run('fails', 1, { retries: 0 }))
    const [letter] = await a.deadLetters()
    const id = letter?.id ?? ''
    expect(await failure(network, a.retry(id, { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'Aborted',
    })
    undefine()
    await network.time.advanceAsync(100)
    expect(await failure(network, a.retry(id))).toMatchObject({ name: 'NoWorkers' })
    expect(await a.deadLetters()).toEqual([letter])
    network.service('b').define('fails', (n: number) => n + 1)
    expect(await network.until(a.retry(id))).toBe(2)
    expect(await a.deadLetters()).toEqual([])
  })

  it('brings back anything that may be thrown', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const cyclic = new Error('a circle')
    cyclic.cause = cyclic
    const nasty = {
      get message() {
        throw new Error('a trap')
      },
      toString() {
        throw new Error('another')
      },
    }
    const thrown: [unknown, string, string][] = [
      [undefined, 'Thrown', 'undefined'],
      [null, 'Thrown', 'null'],
      ['text', 'Thrown', 'text'],
      [10n, 'Thrown', '10'],
      [Symbol('s'), 'Thrown', 'Symbol(s)'],
      [Object.freeze({ code: 7 }), 'Thrown', '{"code":7}'],
      [Object.freeze(new Error('frozen')), 'Error', 'frozen'],
      [cyclic, 'Error', 'a circle'],
      [nasty, 'Thrown', 'a value that cannot be shown'],
      [Object.create(null), 'Thrown', '{}'],
      [
        Object.assign(new Error('x'.repeat(100_000)), { name: 'y'.repeat(1000) }),
        'y'.repeat(256),
        'x'.repeat(8192),
      ],
    ]
    network.service('b').define('throw', (index: number) => {
      throw thrown[index]?.[0]
    })
    for (const [index, [, name, message]] of thrown.entries()) {
      const error = await failure(network, network.service('a').run('throw', index, { retries: 0 }))
      expect(error).toMatchObject({ name: 'TaskFailed', remote: { name, message } })
    }
  })

  it('refuses what cannot be cloned, and bad options, at once and leaves nothing behind', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const a = network.service('a')
    network.service('b').define('work', () => () => {})
    await network.time.advanceAsync(50)
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    const now = network.time.now
    for (const input of [() => {}, Symbol('s'), { deep: [() => {}] }, cyclic]) {
      expect(await failure(network, a.run('work', input))).toMatchObject({ name: 'InvalidOption' })
    }
    expect(await failure(network, a.run('work', new Uint8Array(9_000_000)))).toMatchObject({
      name: 'TooLarge',
    })
    for (const options of [
      { timeout: 0 },
      { timeout: Number.NaN },
      { timeout: 2 ** 40 },
      { retries: -1 },
      { retries: 1.5 },
      { signal: {} },
      { onProgress: 1 },
      { key: '' },
      { priority: 'urgent' },
      { surprise: 1 },
      null,
    ]) {
      expect(await failure(network, a.run('work', 1, options as never))).toMatchObject({
        name: 'InvalidOption',
      })
    }
    for (const name of ['', 1, 'x'.repeat(257), 'a\0b']) {
      expect(await failure(network, a.run(name as never, 1))).toMatchObject({ name: 'InvalidOption' })
      expect(() => a.define(name as never, () => 1)).toThrow(/define.name/)
    }
    expect(() => a.define('x', 1 as never)).toThrow(/define.handler/)
    expect(() => a.define('x', () => 1, { concurrency: 0 })).toThrow(/concurrency/)
    expect(() => a.define('x', () => 1, { weight: Number.POSITIVE_INFINITY })).toThrow(/weight/)
    expect(() => a.map('x', 7 as never)).toThrow(/map.inputs/)
    expect(() => a.defineInWorker('x', () => 1)).toThrow(/no threads here/)
    expect(await failure(network, a.enqueue('x', 1))).toMatchObject({ name: 'InvalidOption' })
    a.define('twice', () => 1)
    expect(() => a.define('twice', () => 1)).toThrow(/defined here already/)
    expect(network.time.now).toBe(now)
    const unclonable = await failure(network, a.run('work', 1, { retries: 0 }))
    expect(unclonable).toMatchObject({ name: 'TaskFailed', remote: { name: 'InvalidOption' } })
    expect(a.stats()).toMatchObject({ submitted: 1, ...idle })
  })

  it('answers Busy at once when too much waits', async () => {
    const network = new TaskNetwork(['a', 'b'])
    defineWork(network, ['b'], 100)
    const a = network.service('a')
    await network.until(a.run('work', 0))
    const runs = Array.from({ length: 10_000 }, () => a.run('work', 1))
    for (const run of runs) run.catch(() => {})
    const error = await failure(network, a.run('work', 2))
    expect(error.name).toBe('Busy')
    expect(error.retryAfter).toBeGreaterThanOrEqual(100)
    expect(error.retryAfter).toBeLessThanOrEqual(30_000)
    expect(a.stats().submitted).toBe(10_001)
    a.close()
    expect(await failure(network, runs.at(-1) as Promise<unknown>)).toMatchObject({ name: 'Aborted' })
    expect(await failure(network, a.run('work', 1))).toMatchObject({ name: 'Closed' })
    await network.time.advanceAsync(1000)
    expect(network.service('b').stats()).toMatchObject(idle)
  })

  it('gives one result for one key', async () => {
    const network = new TaskNetwork(['a', 'b'])
    let ran = 0
    network.service('b').define('once', async () => {
      await network.sleep('b', 50)
      return { ran: ++ran }
    })
    const a = network.service('a')
    const abort = new AbortController()
    const first = a.run('once', 1, { key: 'k', signal: abort.signal })
    const second = a.run('once', 1, { key: 'k' })
    await network.time.advanceAsync(10)
    abort.abort()
    expect(await failure(network, first)).toMatchObject({ name: 'Aborted' })
    expect(await network.until(second)).toEqual({ ran: 1 })
    expect(await network.until(a.run('once', 1, { key: 'k' }))).toEqual({ ran: 1 })
    expect(await network.until(a.run('once', 1, { key: 'other' }))).toEqual({ ran: 2 })
    await network.time.advanceAsync(600_000)
    expect(await network.until(a.run('once', 1, { key: 'k' }))).toEqual({ ran: 3 })
  })

  it('tells progress, at most every 50 ms, the last value always', async () => {
    const network = new TaskNetwork(['a', 'b'])
    network.service('b').define('steps', async (_: unknown, { progress }: TaskContext) => {
      for (let step = 1; step <= 100; step++) {
        progress({ step })
        await network.sleep('b', 5)
      }
      await network.sleep('b', 100)
    })
    const seen: number[] = []
    const onProgress = (value: unknown) => seen.push((value as { step: number }).step)
    await network.until(network.service('a').run('steps', null, { onProgress }))
    expect(seen[0]).toBe(1)
    expect(seen.at(-1)).toBe(100)
    expect(seen.length).toBeLessThanOrEqual(12)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })
})

describe('abort and time-out', () => {
  it('fire the signal of the handler, and give the credit back', async () => {
    const network = new TaskNetwork(['a', 'b'])
    const reasons: string[] = []
    const handler = (_: unknown, { signal }: TaskContext) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as Error).name)
          reject(signal.reason)
        })
      })
    for (const id of ['a', 'b']) network.service(id).define('wait', handler, { concurrency: 2 })
    const a = network.service('a')
    const abort = new AbortController()
    const runs = Array.from({ length: 30 }, () => a.run('wait', 1, { signal: abort.signal }))
    const failures = runs.map((run) => failure(network, run))
    await network.time.advanceAsync(100)
    expect(a.stats().placed).toBeGreaterThan(3)
    abort.abort('enough')
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ name: 'Aborted', cause: 'enough' })
    }
    await network.time.advanceAsync(100)
    expect(a.stats()).toMatchObject(idle)
    expect(network.service('b').stats()).toMatchObject(idle)
    expect(reasons.length).toBeGreaterThanOrEqual(4)
    expect(await failure(network, a.run('wait', 1, { signal: abort.signal }))).toMatchObject({
      name: 'Aborted',
    })
    const late = await failure(network, a.run('wait', 1, { timeout: 250 }))
    expect(late).toMatchObject({ name: 'Timeout', timeout: 250 })
    await network.time.advanceAsync(100)
    expect(a.stats()).toMatchObject(idle)
  })

  it('keep the credit of a handler that ignores its signal until it ends', async () => {
    const network = new TaskNetwork(['a', 'b'])
    defineWork(network, ['b'], 60_000)
    const a = network.service('a')
    const error = await failure(network, a.run('work', 1, { timeout: 100 }))
    expect(error.name).toBe('Timeout')
    await network.time.advanceAsync(40_000)
    expect(a.stats().placed).toBe(1)
    await network.time.advanceAsync(20_000)
    expect(a.stats()).toMatchObject(idle)
  })
})

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

/** Moves time on while somebody loops over `results`. */
async function* drive<T>(network: TaskNetwork, results: AsyncIterator<T>): AsyncGenerator<T> {
  for (;;) {
    const step = await network.until(results.next())
    if (step.done) return
    yield step.value
  }
}
