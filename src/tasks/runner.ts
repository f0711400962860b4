import { LazySignal } from './lazy-signal.js'
import { Payload } from './payload.js'
import { describeThrown, type Thrown } from './thrown.js'

/** How one run of a task ended. */
export type RunEnd =
  | { readonly kind: 'done'; readonly output: Payload }
  | { readonly kind: 'failed'; readonly thrown: Thrown }

/** What a run is told besides its input. */
export interface RunContext {
  /** The same for all attempts of one task. */
  readonly id: string
  /** Which run of the task this is, from 1; above 1, an earlier one may have done part of the work. */
  readonly attempt: number
  /** Whether anybody listens to progress. */
  readonly listened: boolean
  /** Takes what the task tells of its progress. @throws {InvalidOption} when it cannot be cloned */
  progress(value: unknown): void
}

/** A run under way. */
export interface Run {
  /** Fires the task's signal; the end follows, where the runner can force it within a bounded time. */
  abort(reason: Error): void
}

/** What executes a task's runs: a function of this page, or a pool of threads. */
export interface Runner {
  /** How many runs should be started for each unit of concurrency: above 1 where starting one early hides a delay. */
  readonly depth: number
  /**
   * Starts a run.
   * @param end - called once, and never before `start` returned
   */
  start(input: Payload, context: RunContext, end: (how: RunEnd) => void): Run
  /** Lets go of what the runner holds. Runs under way end as failed. */
  stop(): void
}

/** What a task function is given besides its input. */
export interface TaskContext {
  /** Fires when nobody waits for the result any more: aborted, timed out, or its caller is gone. */
  readonly signal: AbortSignal
  /** Tells the caller's `onProgress`; at most one value every 50 ms travels, the latest. */
  readonly progress: (value: unknown) => void
  /** Which run of the task this is, from 1. */
  readonly attempt: number
  /** The same for every attempt: a key for side effects that must not happen twice. */
  readonly id: string
}

/** A task's function: gets the input, and what belongs to this attempt; its value, or what its promise gives, is the result. */
export type TaskHandler<Input = never, Output = unknown> = (
  input: Input,
  context: TaskContext,
) => Output | PromiseLike<Output>

/** What a handler is given; the signal is made when it is first read. */
export function taskContext(
  abort: LazySignal,
  progress: (value: unknown) => void,
  attempt: number,
  id: string,
): TaskContext {
  return {
    get signal() {
      return abort.signal
    },
    progress,
    attempt,
    id,
  }
}

/** Runs a task as a function of this thread. */
export function functionRunner(name: string, handler: TaskHandler<never>): Runner {
  return {
    depth: 1,
    start(input, { id, attempt, progress }, end) {
      const abort = new LazySignal()
      const failed = (thrown: unknown) => end({ kind: 'failed', thrown: describeThrown(thrown) })
      const done = (value: unknown) => {
        let output: Payload
        try {
          output = Payload.pack(value, `result of ${name}`)
        } catch (error) {
          failed(error)
          return
        }
        end({ kind: 'done', output })
      }
      // The promise takes a synchronous throw, and puts the end behind the return of `start`.
      new Promise<unknown>((resolve) => {
        const { value } = input.take()
        resolve(handler(value as never, taskContext(abort, progress, attempt, id)))
      }).then(done, failed)
      return { abort: (reason) => abort.abort(reason) }
    },
    stop() {},
  }
}
