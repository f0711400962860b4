import { type CallOptions, defaultTimeout } from './call-options.js'
import { checkOnlyTimeout, checkTimeout } from './check-start.js'
import type { Shutdown } from './child-stop.js'
import { ExitError, type ExitReason, killed, reasonOfThrow, shutdown as shutdownReason } from './exit.js'
import { GenServer } from './gen-server.js'
import type { ProcessRef } from './ref.js'
import type { ProcessSystem } from './system.js'

/** What a task runs. */
export type Work<T> = (self: ProcessRef) => T | Promise<T>

/** How a task ended. */
export type TaskOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: ExitReason }

/** What the process of a task starts with. */
export interface TaskStart {
  readonly work: Work<unknown>
  /** Called with the result, before the process ends. */
  readonly report: (value: unknown) => void
  /** Whether it first waits for a message: until its links and monitors are made. */
  readonly waits: boolean
}

/** The process of a task: runs one function and ends. */
export class TaskServer extends GenServer {
  #run: (() => Promise<void>) | undefined

  override init({ work, report, waits }: TaskStart): void {
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

/** A task that has been started, or is about to be. */
export interface RunningTask<T> {
  readonly system: ProcessSystem
  /** Its result, or an {@link ExitError} with the reason that it ended with. */
  readonly result: Promise<T>
  readonly started: Promise<ProcessRef>
  /** The process that it is linked to. */
  readonly owner: ProcessRef | undefined
}

/** A function that runs as a process of its own. */
export class Task<T> {
  readonly #task: RunningTask<T>
  readonly #outcome: Promise<TaskOutcome<T>>
  #ref: ProcessRef | undefined
  #ended: TaskOutcome<T> | undefined

  constructor(task: RunningTask<T>) {
    this.#task = task
    task.started.then(
      (ref) => {
        this.#ref = ref
      },
      () => {},
    )
    // Nobody may ever wait for it.
    this.#outcome = task.result.then(
      (value) => (this.#ended = { ok: true, value }),
      (thrown) => (this.#ended = { ok: false, reason: reasonOfThrow(thrown) }),
    )
  }

  /** The process, once it has started. */
  get ref(): ProcessRef | undefined {
    return this.#ref
  }

  /**
   * The function's result.
   *
   * @throws {ExitError} with the reason that the task ended with; or `timeout`: the task then runs
   * on, unless the process that it is linked to ends by this error, as it does in Elixir
   * @throws {RingmeshError} `Busy` when there was no room for it
   */
  async await(options: CallOptions = {}): Promise<T> {
    const timeout = checkOnlyTimeout(options, 'await')
    return this.#within(timeout, this.#task.result, (reject) =>
      reject(new ExitError({ type: 'timeout', after: timeout }, 'await')),
    )
  }

  /** How the task ended; undefined when it has not in time. It runs on, and can be waited for again. */
  async yield(options: CallOptions = {}): Promise<TaskOutcome<T> | undefined> {
    const timeout = checkOnlyTimeout(options, 'yield')
    return this.#within<TaskOutcome<T> | undefined>(timeout, this.#outcome, (_, resolve) =>
      resolve(undefined),
    )
  }

  /**
   * Takes the link back and ends the task, if it still runs: asks by the exit signal `shutdown` and
   * kills when the time is up, or with `brutal_kill` does not ask.
   *
   * @param shutdown - milliseconds; 5,000 when not given
   * @returns its outcome, where it ended before or with another reason; undefined where it ended by such a signal
   */
  async shutdown(shutdown: Shutdown = defaultTimeout): Promise<TaskOutcome<T> | undefined> {
    if (shutdown !== 'brutal_kill') checkTimeout(shutdown, 'shutdown')
    const { system, owner, started } = this.#task
    const isBrutal = shutdown === 'brutal_kill'
    const signal = isBrutal ? killed : shutdownReason
    const unlessBy = (outcome: TaskOutcome<T>) =>
      outcome.ok || outcome.reason.type !== signal.type || 'detail' in outcome.reason ? outcome : undefined
    if (this.#ended !== undefined) return unlessBy(this.#ended)
    const ref = await started.catch(() => undefined)
    if (ref === undefined) return this.#outcome
    if (owner !== undefined) system.unlink(owner, ref)
    const timer =
      isBrutal || shutdown === Number.POSITIVE_INFINITY
        ? undefined
        : system.runtime.timer(shutdown, () => system.exit(ref, killed))
    system.exit(ref, signal)
    const outcome = await this.#outcome
    timer?.cancel()
    return unlessBy(outcome)
  }

  #within<Value>(
    timeout: number,
    promise: Promise<Value>,
    late: (reject: (error: ExitError) => void, resolve: (value: Value) => void) => void,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      const timer =
        timeout === Number.POSITIVE_INFINITY
          ? undefined
          : this.#task.system.runtime.timer(timeout, () => late(reject, resolve))
      promise.then(resolve, reject).finally(() => timer?.cancel())
    })
  }
}
