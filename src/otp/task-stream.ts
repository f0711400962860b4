import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import { defaultTimeout } from './call-options.js'
import { countFrom } from './check-child.js'
import { ExitError, type ExitReason } from './exit.js'
import type { ProcessRef } from './ref.js'
import type { Task } from './task.js'

/** How a stream of tasks runs. */
export interface StreamOptions {
  /** Tasks at once; the number of the machine's threads when not given. */
  readonly maxConcurrency?: number
  /** Results in the order of the inputs; default true. */
  readonly ordered?: boolean
  /** Milliseconds for each; default 5,000. */
  readonly timeout?: number
  /** What a time-out does: ends the whole stream (the default), or is that one's result. */
  readonly onTimeout?: 'exit' | 'kill'
  /** The tasks end with it; the process whose handler runs now when not given. */
  readonly owner?: ProcessRef
}

/** One result of a stream, and the input it belongs to. */
export type StreamResult<I, T> =
  | { readonly index: number; readonly input: I; readonly ok: true; readonly value: T }
  | { readonly index: number; readonly input: I; readonly ok: false; readonly reason: ExitReason }

/** Results that wait at most for an earlier one, where the order is kept; then no more tasks are started. */
const mostBuffered = 1_000

const streamOptions = v.strictObject({
  maxConcurrency: v.optional(countFrom(1)),
  ordered: v.optional(v.boolean('must be true or false'), true),
  timeout: v.optional(
    v.pipe(v.number('must be a number of milliseconds'), v.minValue(0, 'must be 0 ms or more')),
    defaultTimeout,
  ),
  onTimeout: v.optional(v.picklist(['exit', 'kill'], "must be 'exit' or 'kill'"), 'exit'),
  owner: v.optional(
    v.custom<ProcessRef>((given) => typeof given === 'object' && given !== null, 'must be a ref'),
  ),
})

/** The options of a stream, with their defaults. @throws {InvalidOption} */
export function checkStream(options: StreamOptions) {
  return checkOptions(streamOptions, options, 'stream')
}

/** Starts the task of an input. */
type StartTask<I, T> = (input: I, index: number) => Task<T>

/** Runs a task for each input, a few at a time, and gives the results; `ends` tells when to give up. */
export class TaskStream<I, T> {
  readonly #options: ReturnType<typeof checkStream> & { readonly maxConcurrency: number }
  readonly #start: StartTask<I, T>
  readonly #running = new Map<number, Task<T>>()
  readonly #finished = new Map<number, StreamResult<I, T>>()
  #started = 0
  #delivered = 0
  #isPulling = false
  #hasMore = true
  #failure: { readonly error: unknown } | undefined
  #wake = (): void => {}
  #change = this.#nextChange()

  constructor(
    options: ReturnType<typeof checkStream> & { readonly maxConcurrency: number },
    start: StartTask<I, T>,
  ) {
    this.#options = options
    this.#start = start
  }

  async *over(inputs: Iterable<I> | AsyncIterable<I>): AsyncGenerator<StreamResult<I, T>, void, void> {
    const source = toAsync(inputs)
    try {
      for (;;) {
        this.#pull(source)
        if (this.#failure !== undefined) throw this.#failure.error
        const result = this.#next()
        if (result !== undefined) yield result
        else if (this.#running.size === 0 && !this.#isPulling && !this.#hasMore) return
        else {
          await this.#change
          this.#change = this.#nextChange()
        }
      }
    } finally {
      this.end()
      const closed = source.return(undefined)
      // It ends only after an input that is waited for, which may never come.
      if (this.#isPulling) closed.catch(() => {})
      else await closed
    }
  }

  /** Ends what still runs, and the stream, which then takes no input any more. */
  end(error?: unknown): void {
    for (const task of this.#running.values()) void task.shutdown('brutal_kill')
    this.#running.clear()
    this.#fail(error)
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Takes the next input, if there is room for its task. */
  #pull(source: AsyncGenerator<I, void, void>): void {
    const { maxConcurrency, ordered } = this.#options
    const isFull = this.#running.size >= maxConcurrency || (ordered && this.#finished.size >= mostBuffered)
    if (!this.#hasMore || this.#isPulling || isFull) return
    this.#isPulling = true
    source.next().then(
      (next) => {
        this.#isPulling = false
        if (next.done === true) this.#hasMore = false
        else if (this.#failure === undefined) this.#run(next.value)
        this.#wake()
      },
      (error) => this.#fail(error),
    )
  }

  #run(input: I): void {
    const index = this.#started++
    const { timeout, onTimeout } = this.#options
    const task = this.#start(input, index)
    this.#running.set(index, task)
    void task.yield({ timeout }).then((outcome) => {
      if (outcome?.ok) this.#finish({ index, input, ok: true, value: outcome.value })
      else if (outcome === undefined) {
        const reason = { type: 'timeout', after: timeout } as const
        if (onTimeout === 'exit') this.#fail(new ExitError(reason, 'stream'))
        else {
          void task.shutdown('brutal_kill')
          this.#finish({ index, input, ok: false, reason })
        }
      } else if (task.ref !== undefined) this.#finish({ index, input, ok: false, reason: outcome.reason })
      // It never started: there is no room, which is not the end of one task but of the stream.
      else task.await().catch((error: unknown) => this.#fail(error))
    })
  }

  #finish(result: StreamResult<I, T>): void {
    if (!this.#running.delete(result.index)) return
    this.#finished.set(result.index, result)
    this.#wake()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  #next(): StreamResult<I, T> | undefined {
    const result = this.#options.ordered
      ? this.#finished.get(this.#delivered)
      : this.#finished.values().next().value
    if (result === undefined) return undefined
    this.#finished.delete(result.index)
    this.#delivered++
    return result
  }
}

async function* toAsync<I>(inputs: Iterable<I> | AsyncIterable<I>): AsyncGenerator<I, void, void> {
  yield* inputs
}
