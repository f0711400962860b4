import { describe, expect, it, vi } from 'vitest'
import type { Store } from '../store/index.js'
import type { DurableRecords } from './durable-record.js'
import type { TaskContext } from './runner.js'
import { TaskService } from './service.js'
import { SharedRecords } from './testing/shared-records.js'
import { TaskNetwork } from './testing/task-network.js'

// Virtual time costs real time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 })

/** A network whose peers share one state that loses nothing. */
class DurableNetwork extends TaskNetwork {
  readonly shared = new SharedRecords()
  readonly #durable = new Map<string, TaskService>()

  override service(id: string): TaskService {
    let service = this.#durable.get(id)
    if (service === undefined) {
      super.service(id).close()
      const cluster = this.net.cluster(id)
      service = new TaskService({ cluster, records: this.shared.view(cluster.runtime) })
      this.#durable.set(id, service)
    }
    return service
  }

  /** The peer that dispatches the queue of `name` now. */
  owner(name: string): string {
    return this.net.running[0]?.ring.owner(`queue\0${name}`) ?? ''
  }
}

function network(ids: readonly string[] = ['a', 'b', 'c', 'd']) {
  const made = new DurableNetwork(ids)
  for (const id of ids) made.service(id)
  return made
}

function define(net: DurableNetwork, ids: readonly string[], took = 50) {
  const runs = new Map<number, number>()
  for (const id of ids) {
    net.service(id).define('square', async (n: number) => {
      runs.set(n, (runs.get(n) ?? 0) + 1)
      await net.sleep(id, took)
      return n * n
    })
  }
  return runs
}

describe('enqueue', () => {
  it('takes a Store of the sharded state for its records', () => {
    const records = (store: Store): DurableRecords => store
    expect(records).toBeTypeOf('function')
  })

  it('runs a task and keeps its result for whoever asks with its id', async () => {
    const net = network()
    define(net, ['b'])
    const id = await net.until(net.service('a').enqueue('square', 7))
    expect(await net.until(net.service('a').result(id))).toBe(49)
    await net.time.advanceAsync(3_600_000)
    expect(await net.until(net.service('c').result(id))).toBe(49)
    await net.time.advanceAsync(24 * 3_600_000)
    await expect(net.until(net.service('c').result(id))).rejects.toMatchObject({ name: 'InvalidOption' })
    expect(net.shared.table.size).toBe(1)
  })

  it('finishes what a caller enqueued that closed at once', async () => {
    const net = network()
    define(net, ['b', 'c'])
    const ids = await net.until(
      Promise.all(Array.from({ length: 20 }, (_, n) => net.service('a').enqueue('square', n))),
    )
    net.net.crash('a')
    for (const [n, id] of ids.entries()) expect(await net.until(net.service('d').result(id))).toBe(n * n)
  })

  it('waits in the state until somebody can run it', async () => {
    const net = network()
    const id = await net.until(net.service('a').enqueue('square', 3))
    await net.time.advanceAsync(120_000)
    const states: string[] = []
    await net.until(
      (async () => {
        for await (const { state } of net.service('b').enqueued('square')) states.push(state)
      })(),
    )
    expect(states).toEqual(['queued'])
    define(net, ['d'])
    expect(await net.until(net.service('a').result(id))).toBe(9)
  })

  it('is taken over by the next owner when the dispatcher crashes', async () => {
    const net = network()
    const owner = net.owner('square')
    const others = ['a', 'b', 'c', 'd'].filter((id) => id !== owner)
    const runs = define(net, others, 400)
    const [caller = '', second = ''] = others
    const ids = await net.until(
      Promise.all(Array.from({ length: 30 }, (_, n) => net.service(caller).enqueue('square', n))),
    )
    await net.time.advanceAsync(1000)
    net.net.crash(owner)
    for (const [n, id] of ids.entries()) expect(await net.until(net.service(second).result(id))).toBe(n * n)
    const reruns = [...runs.values()].filter((count) => count > 1).length
    expect(reruns).toBeLessThanOrEqual(6)
  })

  it('is taken over without running anything twice when the dispatcher leaves', async () => {
    const net = network()
    const owner = net.owner('square')
    const others = ['a', 'b', 'c', 'd'].filter((id) => id !== owner)
    const runs = define(net, others, 100)
    const caller = others[0] ?? ''
    const ids = await net.until(
      Promise.all(Array.from({ length: 60 }, (_, n) => net.service(caller).enqueue('square', n))),
    )
    net.net.leave(owner)
    for (const [n, id] of ids.entries()) expect(await net.until(net.service(caller).result(id))).toBe(n * n)
    expect([...runs.values()].filter((count) => count > 1)).toEqual([])
    expect(net.net.cluster(owner).running).toBe(false)
  })

  it('is taken over without running anything twice when another owner joins', async () => {
    const joiner = network().owner('square')
    const others = ['a', 'b', 'c', 'd'].filter((id) => id !== joiner)
    const net = network(others)
    const caller = others[0] ?? ''
    const runs = define(net, others, 100)
    const ids = await net.until(
      Promise.all(Array.from({ length: 60 }, (_, n) => net.service(caller).enqueue('square', n))),
    )
    const cluster = net.net.join(joiner)
    const service = new TaskService({ cluster, records: net.shared.view(cluster.runtime) })
    for (const [n, id] of ids.entries()) expect(await net.until(net.service(caller).result(id))).toBe(n * n)
    expect([...runs.values()].filter((count) => count > 1)).toEqual([])
    expect(service.stats().durable.recorded).toBeGreaterThan(10)
  })

  it('is found again when dispatcher and caller go without a word', async () => {
    const net = network(['a', 'b', 'c', 'd', 'e'])
    const owner = net.owner('square')
    const others = ['a', 'b', 'c', 'd', 'e'].filter((id) => id !== owner)
    const [caller = '', ...rest] = others
    const id = await net.until(net.service(caller).enqueue('square', 5))
    net.net.crash(owner)
    net.net.crash(caller)
    await net.time.advanceAsync(20_000)
    define(net, rest)
    expect(await net.until(net.service(rest[0] ?? '').result(id))).toBe(25)
  })

  it('has one task for one key, wherever it is enqueued', async () => {
    const net = network()
    const runs = define(net, ['b'])
    const first = await net.until(net.service('a').enqueue('square', 4, { key: 'x/y#z' }))
    const second = await net.until(net.service('c').enqueue('square', 4, { key: 'x/y#z' }))
    expect(second).toBe(first)
    expect(await net.until(net.service('d').result(second))).toBe(16)
    await net.until(net.service('d').enqueue('square', 4, { key: 'x/y#z' }))
    await net.time.advanceAsync(10_000)
    expect(runs.get(4)).toBe(1)
  })

  it('ends as a dead letter for all to see, that can be retried and discarded', async () => {
    const net = network()
    let broken = true
    net.service('b').define('flaky', (_: unknown, { id }: TaskContext) => {
      if (broken) throw new RangeError('still broken')
      return id
    })
    const id = await net.until(net.service('a').enqueue('flaky', { x: 1 }, { retries: 1 }))
    await expect(net.until(net.service('a').result(id))).rejects.toMatchObject({
      name: 'TaskFailed',
      attempts: 2,
      peer: 'b',
      remote: { name: 'RangeError', message: 'still broken' },
    })
    const letters = await net.until(net.service('d').deadLetters())
    expect(letters).toMatchObject([{ id, name: 'flaky', input: { x: 1 }, attempts: 2, durable: true }])
    await expect(net.until(net.service('d').retry(id))).rejects.toMatchObject({ name: 'TaskFailed' })
    broken = false
    expect(await net.until(net.service('c').retry(id))).toBe(id)
    expect(await net.until(net.service('d').deadLetters())).toEqual([])
    expect(await net.until(net.service('d').discard(id))).toBe(false)
  })

  it('refuses bad options, unknown ids, and waits no longer than it is told', async () => {
    const net = network()
    const a = net.service('a')
    await expect(a.enqueue('square', () => {})).rejects.toMatchObject({ name: 'InvalidOption' })
    for (const key of ['\ud800', 'x'.repeat(513)])
      await expect(a.enqueue('square', 1, { key })).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(a.enqueue('\ud800', 1)).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(a.enqueue('square', 1, { key: '' })).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(a.result('x', { timeout: -1 })).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(net.until(a.result('square#nothing'))).rejects.toMatchObject({ name: 'InvalidOption' })
    const id = await net.until(a.enqueue('square', 1))
    await expect(net.until(a.result(id, { timeout: 500 }))).rejects.toMatchObject({ name: 'Timeout' })
    const abort = new AbortController()
    const waiting = a.result(id, { signal: abort.signal })
    await net.time.advanceAsync(100)
    abort.abort()
    await expect(net.until(waiting)).rejects.toMatchObject({ name: 'Aborted' })
    const left = a.result(id)
    await net.time.advanceAsync(100)
    a.close()
    await expect(net.until(left)).rejects.toMatchObject({ name: 'Aborted' })
    await expect(a.enqueue('square', 1)).rejects.toMatchObject({ name: 'Closed' })
  })
})
