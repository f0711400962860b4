import { describe, expect, it } from 'vitest'
import { fakeClusters } from '../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../runtime/index.js'
import { StateService } from '../store/index.js'
import { mergeTaskRecords } from './durable-record.js'
import { TaskService } from './service.js'

/** Durable tasks on the sharded state itself, over a network with delays. */
function mesh(ids: readonly string[]) {
  const time = new VirtualTime('durable')
  const net = fakeClusters(time, ids, { delay: 5 })
  const services = new Map<string, TaskService>()
  for (const id of ids) {
    const cluster = net.cluster(id)
    const state = new StateService({ cluster })
    services.set(id, new TaskService({ cluster, records: state.open('tasks', { merge: mergeTaskRecords }) }))
  }
  const service = (id: string) => services.get(id) as TaskService
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false
    const done = () => {
      over = true
    }
    promise.then(done, done)
    for (const end = time.now + 300_000; !over; ) {
      if (time.now > end) throw new Error('nothing came')
      await time.advanceAsync(10)
    }
    return promise
  }
  const sleep = (at: string, milliseconds: number) =>
    new Promise<void>((resolve) => net.cluster(at).runtime.timer(milliseconds, resolve))
  return { time, net, service, until, sleep }
}

describe('durable tasks on the sharded state', () => {
  it('survive the crash of their caller and of their dispatcher', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const { time, net, service, until, sleep } = mesh(ids)
    for (const id of ids) {
      service(id).define('square', async (n: number) => {
        await sleep(id, 200)
        return n * n
      })
    }
    await time.advanceAsync(1000)
    const tasks = await until(
      Promise.all(Array.from({ length: 24 }, (_, n) => service('a').enqueue('square', n))),
    )
    net.crash('a')
    await time.advanceAsync(300)
    const dispatcher = net.cluster('f').ring.owner('queue\0square') ?? ''
    if (dispatcher !== 'a') net.crash(dispatcher)
    const asker = ids.find((id) => net.cluster(id).running) ?? ''
    for (const [n, task] of tasks.entries()) {
      expect(await until(service(asker).result(task, { timeout: 120_000 }))).toBe(n * n)
    }
    const again = await until(service(asker).enqueue('square', 9, { key: 'nine' }))
    expect(await until(service(asker).result(again))).toBe(81)
  })
})
