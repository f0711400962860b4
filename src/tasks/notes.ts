import type { Runtime, Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { settings } from './settings.js'

/** Tells workers which of their results have arrived: many at a time, as nobody waits for it. */
export class Notes {
  readonly #runtime: Runtime
  readonly #tell: (worker: PeerId, tasks: readonly number[]) => void
  readonly #notes = new Map<PeerId, number[]>()
  #timer: Timer | undefined

  constructor(runtime: Runtime, tell: (worker: PeerId, tasks: readonly number[]) => void) {
    this.#runtime = runtime
    this.#tell = tell
  }

  add(worker: PeerId, task: number): void {
    const notes = this.#notes.get(worker)
    if (notes === undefined) this.#notes.set(worker, [task])
    else notes.push(task)
    this.#timer ??= this.#runtime.timer(settings.noteEvery, () => this.flush())
  }

  forget(worker: PeerId): void {
    this.#notes.delete(worker)
  }

  /** Tells what there is to tell now. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const [worker, tasks] of this.#notes) {
      for (let at = 0; at < tasks.length; at += settings.heldTasks) {
        this.#tell(worker, tasks.slice(at, at + settings.heldTasks))
      }
    }
    this.#notes.clear()
  }
}
