import type { Runtime, Timer } from '../runtime/index.js'
import { Aborted, Busy } from './errors.js'

/** One result of `map`: the position of its input, from 0, and what the task gave. */
export interface MapResult<Output> {
  readonly index: number
  readonly value: Output
}

export interface TaskMapPlan<Input, Output> {
  readonly runtime: Runtime
  readonly inputs: Iterable<Input> | AsyncIterable<Input>
  readonly ordered: boolean
  /** How many inputs may be taken and not yet yielded, now. */
  limit(): number
  /** Starts one task. @throws what a task's submission may throw */
  start(input: Input, settle: (error: unknown, value: Output | undefined) => void): { cancel(): void }
  readonly signal: AbortSignal | undefined
}

interface Waiter<Output> {
  resolve(result: IteratorResult<MapResult<Output>, undefined>): void
  reject(error: unknown): void
}

/**
 * Runs a task for every input. Inputs are taken only as results are taken: no more than `limit` of
 * them are taken and not yet yielded, so that an endless source works. The first failure ends it:
 * what is under way is aborted, the source is closed, and the loop over the results throws.
 */
export class TaskMap<Input, Output> implements AsyncIterableIterator<MapResult<Output>, undefined> {
  readonly #plan: TaskMapPlan<Input, Output>
  #source: Iterator<Input> | AsyncIterator<Input> | undefined
  readonly #active = new Map<number, { cancel(): void }>()
  readonly #ready = new Map<number, Output>()
  readonly #waiters: Waiter<Output>[] = []
  #taken = 0
  #yielded = 0
  #fetching = false
  #exhausted = false
  #failure: { error: unknown } | undefined
  #ended = false
  #later: Timer | undefined
  readonly #onAbort = () => this.#fail(new Aborted('the map was aborted', this.#plan.signal?.reason))

  constructor(plan: TaskMapPlan<Input, Output>) {
    this.#plan = plan
    if (plan.signal?.aborted) this.#onAbort()
    else plan.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<MapResult<Output>, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#serve()
      this.#feed()
    })
  }

  /** Ends it early: what is under way is aborted, the source is closed. A `break` out of the loop calls it. */
  return(): Promise<IteratorResult<MapResult<Output>, undefined>> {
    this.#end()
    this.#serve()
    return Promise.resolve({ done: true, value: undefined })
  }

  #feed(): void {
    while (!this.#fetching && !this.#exhausted && !this.#ended && this.#later === undefined) {
      if (this.#taken - this.#yielded >= this.#plan.limit()) return
      let step: IteratorResult<Input> | Promise<IteratorResult<Input>>
      try {
        this.#source ??= iteratorOf(this.#plan.inputs)
        step = this.#source.next()
      } catch (error) {
        this.#fail(error)
        return
      }
      if (!isPromiseLike(step)) {
        this.#took(step)
        continue
      }
      this.#fetching = true
      step.then(
        (result) => {
          this.#fetching = false
          this.#took(result)
          this.#feed()
        },
        (error) => {
          this.#fetching = false
          this.#fail(error)
        },
      )
    }
  }

  #took(step: IteratorResult<Input>): void {
    if (this.#ended) return
    if (step.done) {
      this.#exhausted = true
      this.#serve()
      return
    }
    this.#start(this.#taken++, step.value)
  }

  #start(index: number, input: Input): void {
    try {
      const task = this.#plan.start(input, (error, value) => {
        this.#active.delete(index)
        if (error !== undefined) this.#fail(error)
        else {
          this.#ready.set(index, value as Output)
          this.#serve()
          this.#feed()
        }
      })
      this.#active.set(index, task)
    } catch (error) {
      if (!(error instanceof Busy)) {
        this.#fail(error)
        return
      }
      // A full queue holds the source back; it is no failure.
      this.#later = this.#plan.runtime.timer(error.retryAfter, () => {
        this.#later = undefined
        if (this.#ended) return
        this.#start(index, input)
        this.#feed()
      })
    }
  }

  /** Gives what is ready to who waits for it. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      const index = this.#plan.ordered ? this.#yielded : this.#ready.keys().next().value
      if (this.#failure !== undefined) {
        const { error } = this.#failure
        this.#failure = undefined
        this.#waiters.shift()?.reject(error)
      } else if (this.#ended || (this.#exhausted && this.#yielded === this.#taken)) {
        this.#end()
        this.#waiters.shift()?.resolve({ done: true, value: undefined })
      } else if (index !== undefined && this.#ready.has(index)) {
        const value = this.#ready.get(index) as Output
        this.#ready.delete(index)
        this.#yielded++
        this.#waiters.shift()?.resolve({ done: false, value: { index, value } })
      } else return
    }
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#failure = { error }
    this.#end()
    this.#serve()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#plan.signal?.removeEventListener('abort', this.#onAbort)
    this.#later?.cancel()
    const active = [...this.#active.values()]
    this.#active.clear()
    this.#ready.clear()
    for (const task of active) task.cancel()
    if (this.#exhausted || this.#source?.return === undefined) return
    try {
      const closing = this.#source.return()
      if (isPromiseLike(closing)) closing.then(undefined, () => {})
    } catch {
      // The loop is over already, and how its source takes that is its own affair.
    }
  }
}

function iteratorOf<T>(inputs: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]()
}

function isPromiseLike<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown }).then === 'function'
}
