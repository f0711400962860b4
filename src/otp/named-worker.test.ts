import { expect, test } from 'vitest'
import type { Runtime } from '../runtime/index.js'
import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import { exposeServer } from './expose.js'
import { Supervisor, worker } from './index.js'
import { MeshWorld, Tally } from './testing/mesh-world.js'

/** A worker that loads at once. As the platform's, it says so a single time, to whoever listens by then. */
class QuickWorker {
  #toPage: ThreadPortEvents | undefined
  #toThread: (data: unknown) => void = () => {}

  constructor(runtime: Runtime) {
    const port = {
      post: (message: unknown) => runtime.timer(0, () => this.#toPage?.message(message)),
      listen: ({ message }: { message(data: unknown): void }) => {
        this.#toThread = message
      },
    }
    exposeServer(Tally, { port, runtime })
  }

  open(events: ThreadPortEvents): ThreadPort {
    this.#toPage = events
    return { post: (message) => this.#toThread(message), terminate: () => {} }
  }
}

/** Peers with such workers, and how many were made. */
function quickWorkers() {
  const world = new MeshWorld(['a', 'b', 'c'], {
    threads: (made, events) => (made as QuickWorker).open(events),
  })
  const seen = { made: 0 }
  const start = worker(() => {
    seen.made++
    return new QuickWorker(world.time.runtime())
  })
  return { world, seen, start }
}

test('a worker that loads sooner than the mesh grants its name is heard', async () => {
  const { world, seen, start } = quickWorkers()
  for (const id of ['a', 'b', 'c']) {
    await world.until(world.at(id).start(start, { name: `tally of ${id}` }))
    expect(await world.until(world.at('a').call(`tally of ${id}`, 'inc'))).toBe(1)
  }
  const children = [{ id: 'tally', name: 'tally', start }]
  const tree = await world.until(Supervisor.start(world.at('a'), { children }))
  expect(await world.until(world.at('b').call('tally', 'inc'))).toBe(1)
  expect(seen.made).toBe(4)
  await world.until(tree.stop())
})

test('no worker is made for a name that another process has', async () => {
  const { world, seen, start } = quickWorkers()
  await world.until(world.at('b').start(Tally, { name: 'tally' }))
  const refused = world.at('a').start(start, { name: 'tally' })
  expect(await world.reasonOf(refused)).toMatchObject({ type: 'already_started', ref: { peer: 'b' } })
  expect(seen.made).toBe(0)
})

test('a factory that throws leaves the name free for the next one', async () => {
  const { world, start } = quickWorkers()
  const broken = worker(() => {
    throw new Error('no such worker')
  })
  expect(await world.reasonOf(world.at('a').start(broken, { name: 'tally' }))).toMatchObject({
    type: 'error',
    thread: 'load',
    message: 'no such worker',
  })
  await world.until(world.at('b').start(start, { name: 'tally' }))
  expect(await world.until(world.at('c').call('tally', 'inc'))).toBe(1)
})
