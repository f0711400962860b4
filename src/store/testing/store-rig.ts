// biome-ignore lint/style/noRestrictedImports: a test's network, and not part of the store
import { type FakeClusterOptions, type FakeNetwork, fakeClusters } from '../../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../../runtime/index.js'
import type { PeerId } from '../../wire/index.js'
import { type MemoryPersistenceOptions, memoryPersistence } from '../adapters/memory.js'
import type { StoreOptions } from '../options.js'
import { StateService } from '../state-service.js'
import type { Store } from '../store.js'

export interface StoreRigOptions extends FakeClusterOptions {
  readonly seed?: string | number
  /** Gives a peer storage in memory. */
  readonly storage?: (id: PeerId) => MemoryPersistenceOptions | undefined
  readonly tombstoneTime?: number
  readonly mostBytes?: number
}

/** A mesh in memory with a state service on every peer, for unit tests that use stores by their promises. */
export class StoreRig {
  readonly time: VirtualTime
  readonly net: FakeNetwork
  readonly services = new Map<PeerId, StateService>()
  readonly #options: StoreRigOptions

  constructor(ids: readonly PeerId[], options: StoreRigOptions = {}) {
    this.#options = options
    this.time = new VirtualTime(options.seed ?? 1)
    this.net = fakeClusters(this.time, ids, options)
    for (const id of ids) this.#start(id)
  }

  service(id: PeerId): StateService {
    const service = this.services.get(id)
    if (service === undefined) throw new Error(`there is no service of ${id}`)
    return service
  }

  store<Value = unknown>(id: PeerId, name = 's', options: StoreOptions<Value> = {}): Store<Value> {
    return this.service(id).open<Value>(name, options)
  }

  join(id: PeerId): void {
    this.net.join(id)
    this.#start(id)
  }

  /** Runs a promise to its end on virtual time. */
  async run<T>(work: Promise<T>, limit = 60_000): Promise<T> {
    let isOver = false
    const over = () => {
      isOver = true
    }
    work.then(over, over)
    const end = this.time.now + limit
    while (!isOver && this.time.now < end) await this.time.advanceAsync(5)
    if (!isOver) throw new Error(`nothing came of it in ${limit} ms of virtual time`)
    return work
  }

  #start(id: PeerId): void {
    const cluster = this.net.cluster(id)
    const storage = this.#options.storage?.(id)
    const persistence = storage && memoryPersistence(cluster.runtime, storage)
    const { tombstoneTime, mostBytes } = this.#options
    const given = {
      ...(tombstoneTime !== undefined && { tombstoneTime }),
      ...(mostBytes !== undefined && { mostBytes }),
    }
    this.services.set(id, new StateService({ cluster, persistence, ...given }))
  }
}
