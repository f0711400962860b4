import { RingmeshError } from '../errors/index.js'
import { type CallOptions, defaultTimeout } from './call-options.js'
import type { Restart, Shutdown } from './child-spec.js'
import { DynamicSupervisor, type DynamicSupervisorOptions } from './dynamic-supervisor.js'
import { ExitError, type ExitReason, reasonOfThrow } from './exit.js'
import { GenServer } from './gen-server.js'
import type { Process } from './process.js'
import type { ProcessRef } from './ref.js'
import type { ProcessSystem } from './system.js'

type Work<T> = (self: ProcessRef) => T | Promise<T>

/** Runs one function and ends; one that is awaited first waits until its links and monitors are made. */
class TaskServer extends GenServer {
  #run: (() => Promise<void>) | undefined

  override init({
    work,
    report,
    waits,
  }: {
    work: Work<unknown>
    report: (value: unknown) => void
    waits: boolean
  }): void {
    this.#run = async () => {
      report(await work(this.self))
      this.stop('normal')
    }
    if (!waits) this.continue('run')
  }

  override handleContinue(): Promise<void> | undefined {
    return this.#run?.()
  }

  override handleInfo(): Promise<void> | undefined {
    return this.#run?.()
  }
}

/** A function that runs as a process of its own. */
export class Task<T> {
  readonly #result: Promise<T>
  readonly #system: ProcessSystem
  readonly #ref: () => ProcessRef | undefined

  constructor(system: ProcessSystem, result: Promise<T>, ref: () => ProcessRef | undefined) {
    this.#system = system
    this.#result = result
    this.#ref = ref
    // Nobody may ever wait for it.
    result.catch(() => {})
  }

  /** The process, once it has started and until the supervisor forgets it. */
  get ref(): ProcessRef | undefined {
    return this.#ref()
  }

  /**
   * The function's result.
   *
   * @throws {ExitError} with the reason that the task ended with, or `timeout`; the task then runs on
   */
  await(options: CallOptions = {}): Promise<T> {
    const timeout = options.timeout ?? defaultTimeout
    if (timeout === Number.POSITIVE_INFINITY) return this.#result
    return new Promise((resolve, reject) => {
      const timer = this.#system.runtime.timer(timeout, () =>
        reject(new ExitError({ type: 'timeout', after: timeout }, 'await')),
      )
      this.#result.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  /** Ends the task, if it still runs. */
  shutdown(reason: 'shutdown' | 'killed' = 'shutdown'): void {
    const ref = this.#ref()
    if (ref !== undefined) this.#system.exit(ref, reason)
  }
}

export interface TaskOptions {
  /** Default 5,000 ms. */
  readonly shutdown?: Shutdown
}

export interface StreamOptions {
  /** Tasks at once; the number of the machine's threads when not given. */
  readonly maxConcurrency?: number
  /** Results in the order of the inputs; default true. */
  readonly ordered?: boolean
  /** Milliseconds for each; default 5,000. */
  readonly timeout?: number
  /** What a time-out does: ends the whole stream (the default), or is that one's result. */
  readonly onTimeout?: 'exit' | 'kill'
}

/** One result of a stream, and the input it belongs to. */
export type StreamResult<I, T> =
  | { readonly index: number; readonly input: I; readonly ok: true; readonly value: T }
  | { readonly index: number; readonly input: I; readonly ok: false; readonly reason: ExitReason }

/**
 * Runs functions of this page as supervised processes. Elixir's Task.Supervisor; for work that any
 * peer may do there are the mesh's tasks.
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

  constructor(
    system: ProcessSystem,
    options: DynamicSupervisorOptions | { readonly at: ProcessRef | string } = {},
  ) {
    this.#system = system
    this.#supervisor = new DynamicSupervisor(system, options)
  }

  /** Starts a task that is linked to the process that calls: a crash of either ends the other. */
  async<T>(work: Work<T>, options: TaskOptions = {}): Task<T> {
    return this.#task(work, options, this.#system.current)
  }

  /** Starts a task that is linked to nobody: a crash is seen only where it is awaited. */
  asyncNolink<T>(work: Work<T>, options: TaskOptions = {}): Task<T> {
    return this.#task(work, options, undefined)
  }

  /** Starts a function for its effects. Resolves with its process. @throws {RingmeshError} `Busy` when there are `maxChildren` */
  async startChild(
    work: Work<unknown>,
    options: TaskOptions & { readonly restart?: Restart } = {},
  ): Promise<ProcessRef> {
    return this.#start({ work, report: () => {}, waits: false }, options)
  }

  /**
   * Runs `work` on every input, a few at a time, taking the next input only when there is room;
   * leaving the loop ends what still runs.
   */
  async *stream<I, T>(
    inputs: Iterable<I> | AsyncIterable<I>,
    work: (input: I, index: number) => T | Promise<T>,
    options: StreamOptions = {},
  ): AsyncGenerator<StreamResult<I, T>, void, void> {
    const { maxConcurrency = this.#system.parallelism, ordered = true, timeout = defaultTimeout } = options
    const running = new Map<number, { task: Task<T>; result: Promise<StreamResult<I, T>> }>()
    const source = toAsync(inputs)
    let index = 0
    let more = true
    try {
      while (more || running.size > 0) {
        while (more && running.size < maxConcurrency) {
          const next = await source.next()
          if (next.done === true) {
            more = false
            break
          }
          const at = index++
          const task = this.asyncNolink<T>(() => work(next.value, at))
          running.set(at, { task, result: this.#settled(task, next.value, at, timeout) })
        }
        if (running.size === 0) return
        const waiting = [...running.values()].map(({ result }) => result)
        const result = await (ordered ? (waiting[0] as Promise<StreamResult<I, T>>) : Promise.race(waiting))
        if (!result.ok && result.reason.type === 'timeout') {
          if (options.onTimeout !== 'kill') throw new ExitError(result.reason, 'stream')
          running.get(result.index)?.task.shutdown('killed')
        }
        running.delete(result.index)
        yield result
      }
    } finally {
      for (const { task } of running.values()) task.shutdown('killed')
      await source.return?.(undefined)
    }
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

  async #settled<I, T>(task: Task<T>, input: I, index: number, timeout: number): Promise<StreamResult<I, T>> {
    try {
      return { index, input, ok: true, value: await task.await({ timeout }) }
    } catch (thrown) {
      // That there is no room is not the end of one task but of the stream.
      if (thrown instanceof RingmeshError && thrown.name === 'Busy') throw thrown
      return { index, input, ok: false, reason: reasonOfThrow(thrown) }
    }
  }

  #task<T>(work: Work<T>, options: TaskOptions, owner: Process | undefined): Task<T> {
    let ref: ProcessRef | undefined
    const result = new Promise<T>((resolve, reject) => {
      const report = (value: unknown): void => resolve(value as T)
      this.#start({ work, report, waits: true }, options).then((started) => {
        ref = started
        if (owner !== undefined) this.#system.linkTo(owner, started)
        this.#system.monitor(started, (reason) => reject(new ExitError(reason, 'task')))
        this.#system.send(started, 'run')
      }, reject)
    })
    return new Task(this.#system, result, () => ref)
  }

  async #start(
    args: { work: Work<unknown>; report: (value: unknown) => void; waits: boolean },
    options: TaskOptions & { readonly restart?: Restart },
  ): Promise<ProcessRef> {
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

async function* toAsync<I>(inputs: Iterable<I> | AsyncIterable<I>): AsyncGenerator<I, void, void> {
  yield* inputs
}
