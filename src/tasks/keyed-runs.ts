import type { RingmeshError } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import { settings } from './settings.js'
import type { Settled } from './submission.js'

interface Keyed {
  /** Those who wait for it; empty once it is done. */
  readonly waiting: Set<(how: Settled) => void>
  cancel: (error: RingmeshError) => void
  done: { how: Settled; until: number } | undefined
}

/**
 * Runs with an idempotency key: one task for all calls with the same name and key, and its result
 * again for those who ask later. A failure is not kept, so that the key can be tried again.
 */
export class KeyedRuns {
  readonly #runtime: Runtime
  readonly #runs = new Map<string, Keyed>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /**
   * Joins the run of `key`, or starts it.
   * @param start - submits the task, and gives what cancels it
   * @returns what takes this one caller out; the task is cancelled when nobody else waits for it
   */
  run(
    key: string,
    start: (settle: (how: Settled) => void) => (error: RingmeshError) => void,
    settle: (how: Settled) => void,
  ): (error: RingmeshError) => void {
    this.#forget()
    let keyed = this.#runs.get(key)
    if (keyed?.done !== undefined) {
      const { how } = keyed.done
      this.#runtime.timer(0, () => settle(how))
      return (error) => settle({ kind: 'failed', error })
    }
    if (keyed === undefined) {
      const fresh: Keyed = { waiting: new Set(), cancel: () => {}, done: undefined }
      keyed = fresh
      // Before it is in the table: what `start` throws leaves nothing behind.
      fresh.cancel = start((how) => this.#settled(key, fresh, how))
      this.#runs.set(key, fresh)
    }
    const { waiting, cancel } = keyed
    waiting.add(settle)
    return (error) => {
      if (!waiting.delete(settle)) return
      if (waiting.size === 0) {
        this.#runs.delete(key)
        cancel(error)
      }
      settle({ kind: 'failed', error })
    }
  }

  #settled(key: string, keyed: Keyed, how: Settled): void {
    if (how.kind === 'failed') {
      if (this.#runs.get(key) === keyed) this.#runs.delete(key)
    } else {
      // At the end of the table, which stays in the order of expiry.
      this.#runs.delete(key)
      this.#runs.set(key, keyed)
      keyed.done = { how, until: this.#runtime.now() + settings.keyedResultsFor }
    }
    const waiting = [...keyed.waiting]
    keyed.waiting.clear()
    for (const settle of waiting) settle(how)
  }

  #forget(): void {
    let kept = 0
    for (const { done } of this.#runs.values()) if (done !== undefined) kept++
    const now = this.#runtime.now()
    for (const [key, { done }] of this.#runs) {
      if (done === undefined) continue
      if (done.until > now && kept < settings.keyedResults) return
      this.#runs.delete(key)
      kept--
    }
  }
}
