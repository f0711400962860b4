import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, test } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { systemRuntime } from '../runtime/index.js'
import { openWorker } from '../threads/adapters/worker.js'
import { ProcessSystem, worker } from './index.js'
import { buildWorkers } from './testing/build-workers.js'
import { workerContract } from './testing/worker-contract.js'

let folder = ''
beforeAll(async () => {
  folder = await buildWorkers(['counter', 'mute'])
  await writeFile(join(folder, 'syntax.mjs'), 'let let = 1 +')
})

const platform = {
  runtime: systemRuntime({ log: () => {} }),
  threads: openWorker,
  make: (script: string) => new Worker(join(folder, `${script}.mjs`)),
}

describe('on worker_threads', () => {
  for (const { name, run } of workerContract) test(name, () => run(platform), 20_000)
})

test('a factory that throws fails the start', async () => {
  const system = new ProcessSystem(platform)
  const starting = system.start(
    worker(() => {
      throw new Error('no such worker')
    }),
  )
  await expect(starting).rejects.toMatchObject({
    reason: { type: 'error', thread: 'load', message: 'no such worker' },
  })
  expect(system.size).toBe(0)
})

test('bad options are refused by their path', () => {
  expect(() => worker(undefined as never)).toThrow(InvalidOption)
  expect(() => worker(() => 1, { heartbeat: { every: 0 } })).toThrow('worker.heartbeat')
  expect(() => worker(() => 1, { typo: 1 } as never)).toThrow('worker.typo')
})
