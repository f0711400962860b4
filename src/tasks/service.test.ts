import { describe, expect, it, vi } from 'vitest'
import type { TaskContext } from './runner.js'
import { TaskNetwork } from './testing/task-network.js'
import { defineWork, failure, idle } from './testing/work.js'

// Virtual time costs real time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 })

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
