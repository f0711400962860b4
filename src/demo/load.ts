import type { Mesh, Store } from '../index.js'
import { prove } from './work/proof.js'

/** Tasks under way at once: a few for every thread of a small mesh. */
const tasksAtOnce = 12
/** Milliseconds between two tasks. */
const taskEvery = 40
/** Milliseconds between two writes. */
const writeEvery = 50
/** Milliseconds that a task may take in all, through faults, retries and restarts. */
const taskTimeout = 60_000

/** What became of the work that was under way. */
export interface LoadResult {
  readonly tasks: { readonly of: number; readonly lost: number }
  /** Writes that were acknowledged, and those of them that could not be read again. */
  readonly writes: { readonly of: number; readonly lost: number }
}

/**
 * Steady work: tasks with results that can be checked, and writes that are read again at the end. It is what a fault
 * has to leave whole.
 */
export class Load {
  readonly #mesh: Mesh
  readonly #name: string
  readonly #timers: ReturnType<typeof setInterval>[] = []
  readonly #tasks: Promise<boolean>[] = []
  readonly #writes: Promise<unknown>[] = []
  readonly #store: Store<number>
  readonly #acknowledged: number[] = []
  readonly #onWrite: (key: string) => void
  #underWay = 0

  /** @param onWrite - told of every write that is on its way */
  constructor(mesh: Mesh, onWrite: (key: string) => void) {
    this.#mesh = mesh
    this.#store = mesh.store<number>('experiment')
    this.#name = `${mesh.id}-${Date.now().toString(36)}`
    this.#onWrite = onWrite
  }

  /** Tasks that came back and writes that were acknowledged. */
  get done(): { readonly tasks: number; readonly writes: number } {
    return { tasks: this.#tasks.length - this.#underWay, writes: this.#acknowledged.length }
  }

  start(): void {
    this.#timers.push(
      setInterval(() => this.#task(), taskEvery),
      setInterval(() => this.#write(), writeEvery),
    )
  }

  /** Starts nothing more. */
  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
  }

  /** Starts nothing more; waits for what is under way, reads every acknowledged write again, and clears up. */
  async finish(): Promise<LoadResult> {
    this.stop()
    const results = await Promise.all(this.#tasks)
    await Promise.allSettled(this.#writes)
    const found = await Promise.all(
      this.#acknowledged.map((index) =>
        this.#store.get(this.#key(index), { fresh: true }).then(
          (value) => value === index,
          () => false,
        ),
      ),
    )
    void Promise.allSettled(this.#acknowledged.map((index) => this.#store.delete(this.#key(index))))
    return {
      tasks: { of: results.length, lost: results.filter((isRight) => !isRight).length },
      writes: { of: found.length, lost: found.filter((isThere) => !isThere).length },
    }
  }

  #task(): void {
    if (this.#underWay >= tasksAtOnce) return
    const seed = this.#tasks.length + 1
    this.#underWay++
    const ran = this.#mesh.tasks.run<number>('prove', seed, { timeout: taskTimeout }).then(
      (answer) => answer === prove(seed),
      () => false,
    )
    this.#tasks.push(
      ran.finally(() => {
        this.#underWay--
      }),
    )
  }

  #write(): void {
    const index = this.#writes.length
    const key = this.#key(index)
    this.#onWrite(key)
    this.#writes.push(
      this.#store
        .put(key, index)
        // A write that was refused or timed out was never acknowledged: nobody may rely on it.
        .then(
          () => this.#acknowledged.push(index),
          () => {},
        ),
    )
  }

  #key(index: number): string {
    return `${this.#name}/${index}`
  }
}
