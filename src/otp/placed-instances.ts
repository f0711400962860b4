import type { Runtime } from '../runtime/index.js'
import { Deadlines } from './deadlines.js'
import { type Instance, nameOf, newInstance } from './placed-instance.js'
import { Sequences } from './sequences.js'

/** The placed processes of this peer, also those that start or move. */
export class PlacedInstances {
  readonly #runtime: Runtime
  readonly #deadlines: Deadlines
  readonly #byName = new Map<string, Instance>()
  /** Called whenever one was forgotten and none is left. */
  onEmpty: (() => void) | undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#deadlines = new Deadlines(runtime)
  }

  get size(): number {
    return this.#byName.size
  }

  /** In the order they were added; copy it before adding or forgetting. */
  values(): IterableIterator<Instance> {
    return this.#byName.values()
  }

  get(placed: string, key: string): Instance | undefined {
    return this.#byName.get(nameOf(placed, key))
  }

  has(placed: string, key: string): boolean {
    return this.#byName.has(nameOf(placed, key))
  }

  /** A new one, which has not started yet. */
  add(placed: string, key: string, args: unknown): Instance {
    const instance = newInstance(placed, key, args, this.#runtime, this.#deadlines)
    this.#byName.set(nameOf(placed, key), instance)
    return instance
  }

  /** Whether it is still the one of its name: what took a while may end after it was forgotten. */
  isCurrent(instance: Instance): boolean {
    return this.get(instance.placed, instance.key) === instance
  }

  /** Counts its messages anew, from the numbers that are `expected` of each sender. */
  recount(instance: Instance, expected: Iterable<readonly [string, number]> = []): void {
    instance.sequences.close()
    instance.sequences = new Sequences(this.#deadlines, expected)
  }

  forget(instance: Instance): void {
    instance.saving?.cancel()
    instance.sequences.close()
    const id = nameOf(instance.placed, instance.key)
    if (this.#byName.get(id) === instance) this.#byName.delete(id)
    if (this.#byName.size === 0) this.onEmpty?.()
  }
}
