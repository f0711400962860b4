// biome-ignore lint/style/noRestrictedImports: tests only, as the fake cluster is; the room's door does not export it
import { type FakeClusterOptions, type FakeNetwork, fakeClusters } from '../../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../../runtime/index.js'
import { ExitError, type ExitReason } from '../exit.js'
import { GenServer } from '../gen-server.js'
import { MeshProcessSystem, type MeshProcessSystemOptions } from '../mesh-system.js'
import { joinRecords, laterRecord } from '../placed-record.js'
import type { SnapshotStore } from '../snapshot-store.js'

/** State that outlives every peer, and takes a while to answer. */
export class SharedSnapshots implements SnapshotStore {
  readonly values = new Map<string, Uint8Array>()
  /** Whether reads fail, as while the owners of a key cannot be heard. */
  failing = false
  readonly #time: VirtualTime
  readonly #delay: number

  constructor(time: VirtualTime, delay = 5) {
    this.#time = time
    this.#delay = delay
  }

  get(key: string, done: (value: Uint8Array | undefined, error?: Error) => void): void {
    this.#time.timer(this.#delay, () => {
      if (this.failing) done(undefined, new Error('nobody answers'))
      else done(this.values.get(key))
    })
  }

  put(key: string, value: Uint8Array, done: (joined: Uint8Array) => void): void {
    this.#time.timer(this.#delay, () => {
      const kept = this.values.get(key)
      const joined = kept === undefined ? value : joinRecords(kept, value)
      this.values.set(key, joined)
      done(joined)
    })
  }

  delete(key: string, last: Uint8Array, done: () => void): void {
    this.#time.timer(this.#delay, () => {
      if (!this.#isLater(key, last)) this.values.delete(key)
      done()
    })
  }

  /** Whether what is kept is of a later epoch. */
  #isLater(key: string, value: Uint8Array): boolean {
    const kept = this.values.get(key)
    return kept !== undefined && laterRecord(kept, value) === kept
  }
}

/** A mesh of process systems on virtual time. */
export class MeshWorld {
  readonly time: VirtualTime
  readonly network: FakeNetwork
  readonly snapshots: SharedSnapshots
  readonly #systems = new Map<string, MeshProcessSystem>()
  readonly #each: (system: MeshProcessSystem, id: string) => void
  readonly #threads: Pick<MeshProcessSystemOptions, 'threads'>

  constructor(
    ids: readonly string[],
    options: FakeClusterOptions & {
      each?: (system: MeshProcessSystem, id: string) => void
      seed?: number
      threads?: MeshProcessSystemOptions['threads']
    } = {},
  ) {
    this.time = new VirtualTime(options.seed ?? 'mesh')
    this.snapshots = new SharedSnapshots(this.time)
    this.#each = options.each ?? (() => {})
    this.#threads = options.threads === undefined ? {} : { threads: options.threads }
    this.network = fakeClusters(this.time, ids, { delay: 5, ...options })
    for (const id of ids) this.#open(id)
  }

  at(id: string): MeshProcessSystem {
    const system = this.#systems.get(id)
    if (system === undefined) throw new Error(`no system is named ${id}`)
    return system
  }

  /** The systems of peers that run. */
  get running(): MeshProcessSystem[] {
    return this.network.running.map(({ self }) => this.at(self))
  }

  join(id: string): MeshProcessSystem {
    this.network.join(id)
    return this.#open(id)
  }

  async pass(milliseconds = 0): Promise<void> {
    await this.time.advanceAsync(milliseconds)
    for (let turn = 0; turn < 5; turn++) await this.time.advanceAsync(0)
  }

  /** Waits for `promise` while time passes, at most for so long. */
  async until<T>(promise: Promise<T>, milliseconds = 1_000): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined
    promise.then(
      (value) => {
        outcome = { value }
      },
      (error) => {
        outcome = { error }
      },
    )
    const end = this.time.now + milliseconds
    await this.pass()
    while (outcome === undefined && this.time.now < end) await this.pass(1)
    if (outcome === undefined) throw new Error(`still waiting after ${milliseconds} ms`)
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  async reasonOf(promise: Promise<unknown>, milliseconds = 1_000): Promise<ExitReason> {
    try {
      await this.until(promise, milliseconds)
    } catch (error) {
      if (error instanceof ExitError) return error.reason
      throw error
    }
    throw new Error('it was not rejected')
  }

  #open(id: string): MeshProcessSystem {
    const cluster = this.network.cluster(id)
    const { runtime } = cluster
    const system = new MeshProcessSystem({ runtime, cluster, snapshots: this.snapshots, ...this.#threads })
    this.#systems.set(id, system)
    this.#each(system, id)
    return system
  }
}

/** Counts; its snapshot is the count, and two counts merge to their sum. */
export class Tally extends GenServer {
  count = 0
  #log: string[] = []

  override init(args: { log?: string[] } | undefined, snapshot: number | undefined) {
    this.count = snapshot ?? 0
    this.#log = args?.log ?? []
  }

  override handleCall(request: unknown): unknown {
    if (request === 'count') return this.count
    if (request === 'peer') return this.self.peer
    if (request === 'crash') throw new Error('crashed on request')
    if (request === 'stop') {
      this.stop('normal')
      return 'stopping'
    }
    return ++this.count
  }

  override handleCast(message: unknown): void {
    this.#log.push(String(message))
    this.count++
  }

  override handleInfo(message: { type?: string }): void {
    this.#log.push(message.type ?? String(message))
  }

  override snapshot(): number {
    return this.count
  }

  override merge(count: number): void {
    this.count += count
  }
}
