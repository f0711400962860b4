import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fakeClusters } from '../mesh/testing/fake-cluster.js'
import { buildWorkers } from '../otp/testing/build-workers.js'
import { systemRuntime, VirtualTime } from '../runtime/index.js'
import { openWorker } from '../threads/adapters/worker.js'
import { TaskService } from './service.js'

let folder = ''
beforeAll(async () => {
  folder = await buildWorkers(['tasks'])
})

const services: TaskService[] = []
afterEach(() => {
  for (const service of services.splice(0)) service.close()
})

/** A service alone in its mesh, on real time and real threads. */
function alone(names: readonly string[], size = 1, script = 'tasks.mjs') {
  const cluster = fakeClusters(new VirtualTime(), ['a']).cluster('a')
  Object.defineProperty(cluster, 'runtime', { value: systemRuntime({ log: () => {} }) })
  const service = new TaskService({ cluster, pool: { size, open: openWorker } })
  services.push(service)
  let made = 0
  for (const name of names) {
    service.defineInWorker(name, () => {
      made++
      return new Worker(join(folder, script))
    })
  }
  return { service, made: () => made }
}

describe('a pool of threads', () => {
  it('runs functions of the exposed name, sync and async, with progress, id and attempt', async () => {
    const { service, made } = alone(['square', 'later'], 2)
    const values: number[] = []
    for await (const { value } of service.map<number>('square', Array(2000).keys(), { ordered: true })) {
      values.push(value)
    }
    expect(values).toEqual([...Array(2000).keys()].map((n) => n * n))
    const seen: unknown[] = []
    const result = await service.run<unknown[]>('later', 5, { onProgress: (value) => seen.push(value) })
    expect(result[0]).toBe(5)
    expect(result[2]).toBe(1)
    expect(seen).toEqual([{ seen: 5 }])
    expect(made()).toBeLessThanOrEqual(4)
  })

  it('replaces a thread that dies, and tries its task again', async () => {
    const { service, made } = alone(['crash'])
    expect(await service.run('crash', { on: [1] })).toBe('survived')
    expect(made()).toBe(2)
    await expect(service.run('crash', { on: [1, 2] }, { retries: 1 })).rejects.toMatchObject({
      name: 'TaskFailed',
      attempts: 2,
      remote: { name: 'ThreadExit', cause: { message: 'the whole thread goes' } },
    })
    expect(await service.run('crash', { on: [] })).toBe('survived')
  })

  it('fires the signal of an aborted task, and ends one that ignores it together with its thread', async () => {
    const { service, made } = alone(['obey', 'spin', 'square'])
    const abort = new AbortController()
    const obeying = service.run('obey', null, { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('enough')), 100)
    await expect(obeying).rejects.toMatchObject({ name: 'Aborted', cause: { message: 'enough' } })
    await vi.waitFor(() => expect(service.stats().placed).toBe(0), 60_000)
    expect(made()).toBe(1)

    await expect(service.run('spin', null, { timeout: 200 })).rejects.toMatchObject({ name: 'Timeout' })
    await vi.waitFor(() => expect(service.stats()).toMatchObject({ placed: 0, running: 0 }), 60_000)
    await expect(service.run('spin', null, { timeout: 200 })).rejects.toMatchObject({ name: 'Timeout' })
    await vi.waitFor(() => expect(service.stats()).toMatchObject({ placed: 0, running: 0 }), 60_000)
    expect(made()).toBe(3)
  })

  it('does not take a long computation for a hang', async () => {
    const { service, made } = alone(['spinFor'])
    expect(await service.run('spinFor', 1500)).toBe('spun')
    expect(made()).toBe(1)
  })

  it('carries what was thrown, and survives results that cannot be cloned', async () => {
    const { service, made } = alone(['fail', 'throwUndefined', 'unclonable'])
    await expect(service.run('fail', 1, { retries: 0 })).rejects.toMatchObject({
      remote: {
        name: 'RangeError',
        message: 'out of range',
        cause: { name: 'TypeError', message: 'the root' },
      },
      cause: { name: 'RangeError' },
    })
    await expect(service.run('throwUndefined', 1, { retries: 0 })).rejects.toMatchObject({
      remote: { name: 'Thrown', message: 'undefined', stack: '' },
    })
    await expect(service.run('unclonable', 1, { retries: 1 })).rejects.toMatchObject({
      remote: { name: 'DataCloneError' },
    })
    expect(made()).toBe(3)
  })

  it('says why a script cannot be loaded, a factory throws, or a name is not exposed', async () => {
    const missing = alone(['square'], 1, 'missing.mjs')
    await expect(missing.service.run('square', 1, { retries: 0 })).rejects.toMatchObject({
      name: 'TaskFailed',
      remote: { name: 'ThreadExit' },
    })
    const { service } = alone(['cube'])
    await expect(service.run('cube', 1, { retries: 0 })).rejects.toThrow(/exposes no task named "cube"/)
    service.defineInWorker('broken', () => {
      throw new Error('no worker today')
    })
    await expect(service.run('broken', 1, { retries: 0 })).rejects.toMatchObject({
      remote: { message: 'no worker today' },
    })
    await expect(service.run('broken', 1, { retries: 0 })).rejects.toMatchObject({ name: 'TaskFailed' })
  })

  it('moves buffers both ways', async () => {
    const { service } = alone(['buffer'])
    const input = new Uint8Array(1_000_000).fill(3)
    const result = await service.run<{ length: number; doubled: Uint8Array }>('buffer', input, {
      transfer: [input.buffer],
    })
    expect(input.byteLength).toBe(0)
    expect(result.length).toBe(1_000_000)
    expect(result.doubled[999_999]).toBe(6)
    const kept = new Uint8Array(10).fill(4)
    const again = await service.run<{ doubled: Uint8Array }>('buffer', kept)
    expect(kept.byteLength).toBe(10)
    expect(again.doubled[9]).toBe(8)
  })
})
