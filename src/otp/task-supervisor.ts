import { checkNames, RingmeshError } from '../errors/index.js'
import type { Shutdown } from './child-stop.js'
import { DynamicSupervisor, type DynamicSupervisorOptions } from './dynamic-supervisor.js'
import { ExitError } from './exit.js'
import type { ProcessRef, Target } from './ref.js'
import type { Restart } from './restart-rule.js'
import type { ProcessSystem } from './system.js'
import { Task, TaskServer, type TaskStart, type Work } from './task.js'
import { checkStream, type StreamOptions, type StreamResult, TaskStream } from './task-stream.js'

/** How one task of a {@link TaskSupervisor} runs. */
export interface TaskOptions {
  /** Milliseconds that its end may take when its supervisor stops it; default 5,000. */
  readonly shutdown?: Shutdown
}

/** {@link TaskOptions} of a task that is linked to a process. */
export interface AsyncOptions extends TaskOptions {
  /**
   * The process that the task is linked to. Default: the process whose handler runs now; in code of
   * the page that is no handler, and in a handler after its first `await`, none: give `this.self` there.
   */
  readonly owner?: ProcessRef
}

/**
 * Runs functions of this page as supervised processes. Elixir's Task.Supervisor; for work that any
 * peer may do there are the mesh's tasks. In a tree it is a `dynamicSupervisor(…)`, taken hold of by
 * `{ at: name }`.
 *
 * @example
 * ```ts
 * const tasks = new TaskSupervisor()
 * await tasks.async(() => fetchThings()).await()
 * for await (const result of tasks.stream(urls, load, { maxConcurrency: 4 })) show(result)
 * ```
 */
export class TaskSupervisor {
  readonly #system: ProcessSystem
  readonly #supervisor: DynamicSupervisor

  constructor(system: ProcessSystem, options: DynamicSupervisorOptions | { readonly at: Target } = {}) {
    this.#system = system
    this.#supervisor = new DynamicSupervisor(system, options, 'TaskSupervisor')
  }

  /** Starts a task that is linked to the process that calls: a crash of either ends the other. */
  async<T>(work: Work<T>, options: AsyncOptions = {}): Task<T> {
    checkNames(options, ['owner', 'shutdown'], 'async')
    return this.#task(work, options, options.owner ?? this.#system.current?.ref)
  }

  /** Starts a task that is linked to nobody: a crash is seen only where it is awaited. */
  asyncNolink<T>(work: Work<T>, options: TaskOptions = {}): Task<T> {
    checkNames(options, ['shutdown'], 'asyncNolink')
    return this.#task(work, options, undefined)
  }

  /** Starts a function for its effects. Resolves with its process. @throws {RingmeshError} `Busy` when there are `maxChildren` */
  async startChild(
    work: Work<unknown>,
    options: TaskOptions & { readonly restart?: Restart } = {},
  ): Promise<ProcessRef> {
    checkNames(options, ['restart', 'shutdown'], 'startChild')
    return this.#start({ work, report: () => {}, waits: false }, options)
  }

  /**
   * Runs `work` on every input, a few at a time, taking the next input only when there is room. A
   * task that fails is a result, as with Elixir's `async_stream_nolink`. Leaving the loop ends what
   * still runs, and so does the end of the process that called.
   *
   * @throws {ExitError} `timeout` when a task takes too long, unless `onTimeout` is `kill`
   * @throws {RingmeshError} `Busy` when there are `maxChildren`
   */
  stream<I, T>(
    inputs: Iterable<I> | AsyncIterable<I>,
    work: (input: I, index: number) => T | Promise<T>,
    options: StreamOptions = {},
  ): AsyncGenerator<StreamResult<I, T>, void, void> {
    const checked = checkStream(options)
    const maxConcurrency = checked.maxConcurrency ?? this.#system.parallelism
    const owner = checked.owner ?? this.#system.current?.ref
    const stream = new TaskStream<I, T>({ ...checked, maxConcurrency }, (input, index) =>
      this.asyncNolink<T>(() => work(input, index)),
    )
    return this.#owned(stream, inputs, owner)
  }

  /** The processes that run now. */
  children(): ProcessRef[] {
    return this.#supervisor.children().flatMap(({ ref }) => (ref === undefined ? [] : [ref]))
  }

  /** Ends one. */
  terminateChild(ref: ProcessRef) {
    return this.#supervisor.terminateChild(ref)
  }

  /** Ends all, and the supervisor. */
  stop(): Promise<void> {
    return this.#supervisor.stop()
  }

  async *#owned<I, T>(
    stream: TaskStream<I, T>,
    inputs: Iterable<I> | AsyncIterable<I>,
    owner: ProcessRef | undefined,
  ): AsyncGenerator<StreamResult<I, T>, void, void> {
    const demonitor =
      owner === undefined
        ? undefined
        : this.#system.monitor(owner, (reason) => stream.end(new ExitError(reason, 'stream')))
    try {
      yield* stream.over(inputs)
    } finally {
      demonitor?.()
    }
  }

  #task<T>(work: Work<T>, options: TaskOptions, owner: ProcessRef | undefined): Task<T> {
    const system = this.#system
    let report: (value: unknown) => void = () => {}
    const started = this.#start({ work, report: (value) => report(value), waits: true }, options)
    const result = new Promise<T>((resolve, reject) => {
      report = (value) => resolve(value as T)
      started.then((ref) => {
        if (owner !== undefined) system.link(owner, ref)
        system.monitor(ref, (reason) => reject(new ExitError(reason, 'task')))
        system.send(ref, 'run')
      }, reject)
    })
    return new Task({ system, result, started, owner })
  }

  async #start(args: TaskStart, options: TaskOptions & { readonly restart?: Restart }): Promise<ProcessRef> {
    const answer = await this.#supervisor.startChild({
      start: [TaskServer, args],
      restart: options.restart ?? 'temporary',
      ...(options.shutdown === undefined ? {} : { shutdown: options.shutdown }),
    })
    if ('error' in answer) {
      if (answer.error === 'max_children')
        throw new RingmeshError('Busy', 'the most tasks at once are running')
      throw new ExitError(answer.error === 'failed' ? answer.reason : { type: 'noproc' }, 'task')
    }
    return answer.ref as ProcessRef
  }
}
