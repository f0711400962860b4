// biome-ignore lint/style/noRestrictedImports: a test's network, and not part of the product
import { type FakeClusterOptions, type FakeNetwork, fakeClusters } from '../../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../../runtime/index.js'
import type { PeerId } from '../../wire/index.js'
import { TaskService, type TaskServiceOptions } from '../service.js'

/** Task services on a network of fake clusters, for tests. */
export class TaskNetwork {
  readonly time: VirtualTime
  readonly net: FakeNetwork
  readonly #services = new Map<PeerId, TaskService>()

  constructor(
    ids: readonly PeerId[],
    options: FakeClusterOptions = {},
    services: Omit<TaskServiceOptions, 'cluster'> = {},
    seed: string | number = 'tasks',
  ) {
    this.time = new VirtualTime(seed)
    this.net = fakeClusters(this.time, ids, options)
    for (const id of ids)
      this.#services.set(id, new TaskService({ cluster: this.net.cluster(id), ...services }))
  }

  service(id: PeerId): TaskService {
    const service = this.#services.get(id)
    if (service === undefined) throw new Error(`no service is named ${id}`)
    return service
  }

  get services(): TaskService[] {
    return [...this.#services.values()]
  }

  /** A new peer comes. */
  join(id: PeerId, services: Omit<TaskServiceOptions, 'cluster'> = {}): TaskService {
    const service = new TaskService({ cluster: this.net.join(id), ...services })
    this.#services.set(id, service)
    return service
  }

  /** A handler that takes so long on the virtual time of `at`, frozen when it is frozen. */
  sleep(at: PeerId, milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.net.cluster(at).runtime.timer(milliseconds, resolve))
  }

  /** Moves time on until `promise` is settled, for at most `limit` milliseconds, and gives what it gave. */
  async until<T>(promise: Promise<T>, limit = 600_000): Promise<T> {
    let over = false
    const done = () => {
      over = true
    }
    promise.then(done, done)
    const end = this.time.now + limit
    for (;;) {
      await this.time.advanceAsync(0)
      if (over) return promise
      if (this.time.now >= end) throw new Error(`nothing came within ${limit} ms of virtual time`)
      await this.time.advanceAsync(1)
    }
  }
}
