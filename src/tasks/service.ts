import { InvalidOption, RingmeshError } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import type { PeerId } from '../wire/index.js'
import type { CoordinatorStats } from './coordinator.js'
import type { DeadLetter } from './dead-letters.js'
import type { Definition } from './desk.js'
import type { DurableTasks, EnqueuedTask } from './durable.js'
import type { DurableCounts } from './durable-queue.js'
import type { DurableRecords } from './durable-record.js'
import { Aborted } from './errors.js'
import {
  checkDefine,
  checkEnqueue,
  checkFunction,
  checkIterable,
  checkMap,
  checkName,
  checkResult,
  checkRun,
  checkWorkerDefine,
  type DefineOptions,
  type EnqueueOptions,
  type MapOptions,
  type ResultOptions,
  type RunOptions,
  type WorkerDefineOptions,
} from './options.js'
import { deliver } from './own-runs.js'
import { Payload } from './payload.js'
import { functionRunner, type TaskHandler } from './runner.js'
import { settings } from './settings.js'
import { type MapResult, TaskMap } from './task-map.js'
import { TaskPeer } from './task-peer.js'
import { ThreadPool } from './thread-pool.js'

/** The threads of this machine. */
export interface PoolPlatform {
  /** How many threads a pool has by default: the cores of the machine, less one for the page. */
  readonly size: number
  /** Wraps a worker that a factory of the page's made: `src/threads/adapters/worker.ts`. */
  open(worker: unknown, events: ThreadPortEvents): ThreadPort
}

export interface TaskServiceOptions {
  readonly cluster: Cluster
  /** Where durable tasks live, such as a `Store`. Without it, `enqueue` is refused. */
  readonly records?: DurableRecords | undefined
  /** Without it, `defineInWorker` is refused. */
  readonly pool?: PoolPlatform | undefined
}

/** Counters since the start, and gauges of now. */
export interface TaskStats extends CoordinatorStats {
  /** Tasks that run here now, for whichever peer. */
  readonly running: number
  /** Tasks that wait here behind those. */
  readonly waiting: number
  /** Of the durable queues that this peer dispatches. */
  readonly durable: Readonly<DurableCounts>
}

/**
 * Work that is shared by all peers: `mesh.tasks`. A peer defines named tasks; any peer runs them
 * by name; they go round the peers that defined them and have credit. At least once, one recorded
 * result.
 *
 * @example
 * ```ts
 * mesh.tasks.define('square', (n: number) => n * n)
 * await mesh.tasks.run('square', 7)   // 49, computed by whoever's turn it is
 * ```
 */
export class TaskService {
  readonly #cluster: Cluster
  readonly #peer: TaskPeer
  readonly #pool: PoolPlatform | undefined
  #closed = false

  constructor({ cluster, records, pool }: TaskServiceOptions) {
    this.#cluster = cluster
    this.#pool = pool
    this.#peer = new TaskPeer(cluster, records)
  }

  /**
   * Defines a task: this peer may be given it from now on. The function runs in this thread, so
   * it should be asynchronous or short; `defineInWorker` is for work that keeps a thread busy.
   *
   * @param name - 1 to 256 characters; the same on every peer that can run it
   * @param handler - given a copy of the input; what it returns is copied to the caller. It may run
   * more than once for one task
   * @returns takes the definition back: what waits here goes elsewhere
   * @throws {InvalidOption} for wrong options, or a name that is defined here already
   *
   * @example
   * ```ts
   * mesh.tasks.define('thumbnail', async (url: string, { signal }) => {
   *   const response = await fetch(url, { signal })
   *   return shrink(await response.arrayBuffer())
   * }, { concurrency: 4 })
   * ```
   */
  define<Input, Output>(
    name: string,
    handler: TaskHandler<Input, Output>,
    options?: DefineOptions,
  ): () => void {
    checkName(name, 'define.name')
    const { concurrency = 1, weight } = checkDefine(options, 'define')
    checkFunction(handler, 'define.handler')
    return this.#define({ name, concurrency, weight, runner: functionRunner(name, handler as TaskHandler) })
  }

  /**
   * Defines a task that runs in threads: the script that `factory` starts exposes a function of the
   * same name with `expose({ … })` of `ringmesh/worker`. Threads are started when they are needed
   * and replaced when they die; a task that ignores its signal for a second is ended with its thread.
   *
   * @param factory - makes a Web Worker, or in Node a worker of `worker_threads`
   * @returns takes the definition back
   * @throws {InvalidOption} for wrong options, or a name that is defined here already
   *
   * @example
   * ```ts
   * mesh.tasks.defineInWorker('render', () =>
   *   new Worker(new URL('./render.ts', import.meta.url), { type: 'module' }))
   * ```
   */
  defineInWorker(name: string, factory: () => unknown, options?: WorkerDefineOptions): () => void {
    checkName(name, 'defineInWorker.name')
    const { pool: size, weight } = checkWorkerDefine(options, 'defineInWorker')
    checkFunction(factory, 'defineInWorker.factory')
    const platform = this.#pool
    if (platform === undefined)
      throw new RingmeshError('InvalidOption', 'defineInWorker: there are no threads here')
    const concurrency = Math.max(1, size ?? platform.size)
    const runner = new ThreadPool({
      runtime: this.#cluster.runtime,
      name,
      size: concurrency,
      open: (events) => platform.open(factory(), events),
    })
    return this.#define({ name, concurrency, weight, runner })
  }

  /**
   * Runs a task once on some peer that defined it, and gives its result.
   *
   * @throws {InvalidOption} when the input cannot be cloned, or an option is wrong
   * @throws {NoWorkers} when no peer defined `name` within 5 s
   * @throws {Busy} at once, when too much waits here already
   * @throws {TaskFailed} when every attempt failed
   * @throws {Aborted} when the signal fired, or this peer left
   * @throws {Timeout} when the time was over
   */
  run<Output = unknown>(name: string, input: unknown, options?: RunOptions): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.#peer.runs.run(name, input, checkRun(options), (how) => deliver(how, resolve, reject))
    })
  }

  /**
   * Runs a task for every input and yields `{ index, value }`, as they finish or `ordered`. Inputs
   * are taken as results are taken, so any iterable will do, an endless or asynchronous one too.
   * The first failure ends the loop, and what is under way is aborted.
   *
   * @example
   * ```ts
   * for await (const { index, value } of mesh.tasks.map('tile', tiles, { ordered: true })) draw(index, value)
   * ```
   */
  map<Output = unknown, Input = unknown>(
    name: string,
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options?: MapOptions,
  ): AsyncIterableIterator<MapResult<Output>, undefined> {
    checkName(name, 'map.name')
    const { ordered = false, inFlight, signal, ...each } = checkMap(options)
    checkIterable(inputs)
    return new TaskMap<Input, Output>({
      runtime: this.#cluster.runtime,
      inputs,
      ordered,
      signal,
      limit: () => inFlight ?? Math.min(1024, Math.max(8, 2 * this.#peer.coordinator.credit(name))),
      start: (input, settle) => {
        const cancel = this.#peer.runs.run(name, input, each, (how) => {
          const done = (value: Output) => settle(undefined, value)
          deliver(how, done, (error) => settle(error, undefined))
        })
        return { cancel: () => cancel(new Aborted('the loop over the results of map ended')) }
      },
    })
  }

  /**
   * Puts a task into the sharded state. It is run by whoever can, also when this peer is gone, and
   * its result is kept for a day for whoever asks with its id.
   *
   * @returns the id for `result`, once the record is stored as safely as the store's `writes` says
   * @throws {InvalidOption} when the input cannot be cloned, or an option is wrong
   * @throws {RingmeshError} what the state throws: `NotEnoughPeers`, `TooLarge`, `Timeout`
   * @throws {Busy} when too much waits in the queue
   *
   * @example
   * ```ts
   * const id = await mesh.tasks.enqueue('report', { month: 7 }, { key: 'report-7' })
   * location.hash = id                                       // may be closed now
   * const report = await mesh.tasks.result(id)               // here, or in the next page
   * ```
   */
  async enqueue(name: string, input: unknown, options?: EnqueueOptions): Promise<string> {
    checkName(name, 'enqueue.name')
    const checked = checkEnqueue(options)
    return this.#durably('enqueue').enqueue(name, Payload.pack(input, `input of ${name}`), checked)
  }

  /**
   * The result of a durable task: at once when it is there, otherwise when it comes.
   *
   * @throws {InvalidOption} for an id of no durable task, or one whose result is not kept any more
   * @throws {TaskFailed} when every attempt failed: it is a dead letter
   * @throws {Timeout} when the time was over; the task goes on
   */
  async result<Output = unknown>(id: string, options?: ResultOptions): Promise<Output> {
    const checked = checkResult(options)
    return (await this.#durably('result').result(id, checked)) as Output
  }

  /** All durable tasks of a name that are still known, settled ones too. */
  enqueued(name: string): AsyncIterableIterator<EnqueuedTask, undefined> {
    checkName(name, 'enqueued.name')
    return this.#durably('enqueued').enqueued(name)
  }

  /** The names that some peer has defined, sorted. */
  names(): string[] {
    return this.#peer.coordinator.names()
  }

  /** How many tasks of `name` this peer gave to each worker so far, and how many are there now. */
  shares(name: string): Map<PeerId, { assigned: number; placed: number }> {
    return this.#peer.coordinator.shares(name)
  }

  /**
   * The tasks that failed on every attempt: the last thousand that this peer ran, oldest first, and
   * the first thousand durable ones of the whole mesh.
   */
  async deadLetters(): Promise<DeadLetter[]> {
    return [...this.#peer.deadLetters.list(), ...((await this.#peer.durable?.deadLetters()) ?? [])]
  }

  /**
   * Runs a dead letter again, with all its attempts, and gives its result. A durable one is
   * queued again, and of the options only `timeout` and `signal` apply. It stays a dead letter where
   * nothing comes of it: `Busy`, `NoWorkers`, `Aborted`, `Timeout`.
   *
   * @throws {InvalidOption} for an id of no dead letter
   */
  async retry<Output = unknown>(id: string, options?: RunOptions): Promise<Output> {
    const checked = checkRun(options)
    if (checked.signal?.aborted) throw new Aborted(`the retry of ${id} was aborted`, checked.signal.reason)
    const retried = this.#peer.runs.retry<Output>(id, checked)
    if (retried !== undefined) return retried
    if (!(await this.#peer.durable?.requeue(id)))
      throw new InvalidOption('retry.id', id, 'must be the id of a dead letter')
    const { timeout = settings.timeout, signal } = checked
    return this.result(id, signal === undefined ? { timeout } : { timeout, signal })
  }

  /** Forgets a dead letter; false when there is none. */
  async discard(id: string): Promise<boolean> {
    return this.#peer.deadLetters.take(id) !== undefined || ((await this.#peer.durable?.discard(id)) ?? false)
  }

  stats(): TaskStats {
    const durable = this.#peer.durable?.counts ?? { dispatched: 0, recorded: 0, stale: 0 }
    return { ...this.#peer.coordinator.stats, ...this.#peer.executor.load, durable: { ...durable } }
  }

  /** Ends everything at once: callers get `Aborted`, handlers' signals fire. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#peer.close()
  }

  #durably(at: string): DurableTasks {
    if (this.#closed) throw new RingmeshError('Closed', 'the task service is closed')
    if (this.#peer.durable === undefined) {
      throw new RingmeshError('InvalidOption', `${at}: this mesh has no sharded state for durable tasks`)
    }
    return this.#peer.durable
  }

  #define(definition: Definition): () => void {
    if (this.#closed) throw new RingmeshError('Closed', 'the task service is closed')
    const { name } = definition
    if (this.#peer.executor.has(name)) {
      throw new InvalidOption('define.name', name, 'must not be defined here already')
    }
    this.#peer.executor.define(definition)
    this.#peer.offers.changed()
    let defined = true
    return () => {
      if (!defined || this.#closed) return
      defined = false
      this.#peer.executor.undefine(name)
      this.#peer.offers.changed()
    }
  }
}
