import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { beforeAll, expect, test, vi } from 'vitest'
import { systemRuntime } from '../runtime/index.js'
import { openWorker } from '../threads/adapters/worker.js'
import { ProcessSystem, Supervisor, worker } from './index.js'
import { buildWorkers } from './testing/build-workers.js'

let folder = ''
beforeAll(async () => {
  folder = await buildWorkers(['counter'])
}, 60_000)

const system = () => new ProcessSystem({ runtime: systemRuntime({ log: () => {} }), threads: openWorker })
const counter = () => new Worker(join(folder, 'counter.mjs'))

test('a crashed worker is respawned under one_for_one', async () => {
  const world = system()
  const tree = await Supervisor.start(world, {
    children: [{ id: 'counter', start: worker(counter, { args: { start: 5 } }), name: 'counter' }],
  })
  expect(await world.call('counter', 'inc')).toBe(6)
  const first = world.whereis('counter')
  world.cast('counter', 'uncaught')
  await vi.waitFor(() => expect(world.whereis('counter')).not.toEqual(first), 5000)
  await vi.waitFor(async () => expect(await world.call('counter', 'echo')).toBe('echo'), 5000)
  expect(await world.call('counter', 'inc')).toBe(6)
  expect(tree.children()[0]).toMatchObject({ id: 'counter', state: 'running', restarts: 1 })
  await tree.stop()
})
