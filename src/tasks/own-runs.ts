import type { RingmeshError } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import type { Coordinator } from './coordinator.js'
import type { DeadLetters } from './dead-letters.js'
import { Aborted, TaskFailed } from './errors.js'
import { KeyedRuns } from './keyed-runs.js'
import { onAbort } from './on-abort.js'
import { checkName, type RunOptions } from './options.js'
import { Payload } from './payload.js'
import { settings } from './settings.js'
import type { Settled } from './submission.js'

/** Tasks that this page runs and waits for: their signals, their keys, and the retries of those that failed for good. */
export class OwnRuns {
  readonly #runtime: Runtime
  readonly #coordinator: Coordinator
  readonly #deadLetters: DeadLetters
  readonly #keyed: KeyedRuns

  constructor(runtime: Runtime, coordinator: Coordinator, deadLetters: DeadLetters) {
    this.#runtime = runtime
    this.#coordinator = coordinator
    this.#deadLetters = deadLetters
    this.#keyed = new KeyedRuns(runtime)
  }

  /**
   * Submits a task.
   *
   * @param settle - called once, and never before this returned
   * @returns what ends it with an error
   * @throws {InvalidOption} when the input cannot be cloned, {Busy} when too much waits
   */
  run(
    name: string,
    input: unknown,
    options: RunOptions,
    settle: (how: Settled) => void,
  ): (error: RingmeshError) => void {
    checkName(name, 'run.name')
    const { signal, key, transfer } = options
    if (signal?.aborted) {
      const error = new Aborted(`the task ${JSON.stringify(name)} was aborted`, signal.reason)
      this.#runtime.timer(0, () => settle({ kind: 'failed', error }))
      return () => {}
    }
    const payload =
      transfer === undefined || transfer.length === 0
        ? Payload.pack(input, `input of ${name}`)
        : Payload.owned(input, transfer)
    return this.#submit(name, payload, options, settle, key)
  }

  /** Runs a dead letter of this page again; undefined when there is none of this id. It stays one where nothing comes of it. */
  retry<Output>(id: string, options: RunOptions): Promise<Output> | undefined {
    const letter = this.#deadLetters.take(id)
    if (letter === undefined) return undefined
    return new Promise((resolve, reject) => {
      const ended = (how: Settled) => {
        // One that failed again on all attempts is a new letter by now.
        if (how.kind === 'failed' && !(how.error instanceof TaskFailed)) this.#deadLetters.restore(letter)
        deliver(how, resolve, reject)
      }
      try {
        this.#submit(letter.name, letter.input, { priority: letter.priority, ...options }, ended)
      } catch (error) {
        this.#deadLetters.restore(letter)
        reject(error)
      }
    })
  }

  #submit(
    name: string,
    input: Payload,
    { signal, timeout = settings.timeout, retries = settings.attempts - 1, priority, onProgress }: RunOptions,
    settle: (how: Settled) => void,
    key?: string,
  ): (error: RingmeshError) => void {
    let ignoreSignal = () => {}
    const finish = (how: Settled) => {
      ignoreSignal()
      settle(how)
    }
    const start = (settled: (how: Settled) => void) => {
      const submission = this.#coordinator.submit({
        name,
        input,
        priority: priority ?? 'normal',
        attempts: retries + 1,
        timeout,
        onProgress,
        settle: settled,
      })
      return (error: RingmeshError) => this.#coordinator.cancel(submission, error)
    }
    const cancel = key === undefined ? start(finish) : this.#keyed.run(`${name}\n${key}`, start, finish)
    if (signal !== undefined) {
      ignoreSignal = onAbort(signal, () =>
        cancel(new Aborted(`the task ${JSON.stringify(name)} was aborted`, signal.reason)),
      )
    }
    return cancel
  }
}

/** Unpacks a result for who waits for it; one that a peer sent and nobody can read is a failure. */
export function deliver<Output>(
  how: Settled,
  resolve: (value: Output) => void,
  reject: (error: unknown) => void,
): void {
  if (how.kind === 'failed') {
    reject(how.error)
    return
  }
  let value: unknown
  try {
    value = how.output.take().value
  } catch (error) {
    reject(error)
    return
  }
  resolve(value as Output)
}
