import type { Runtime } from '../runtime/index.js'
import type { ClusterEvents } from './cluster.js'

type Listeners = { [E in keyof ClusterEvents]: Set<ClusterEvents[E]> }

/** Who listens to the events of the cluster. */
export class Emitter {
  readonly #runtime: Runtime
  readonly #listeners: Listeners = { up: new Set(), down: new Set(), change: new Set(), ring: new Set() }

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Returns the way back. */
  on<E extends keyof ClusterEvents>(event: E, listener: ClusterEvents[E]): () => void {
    // A wrapper, so that the same function may listen twice and each be taken back by itself.
    const wrapped = ((value: never) => (listener as (value: never) => void)(value)) as ClusterEvents[E]
    this.#listeners[event].add(wrapped)
    return () => this.#listeners[event].delete(wrapped)
  }

  emit<E extends keyof ClusterEvents>(event: E, value: Parameters<ClusterEvents[E]>[0]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        ;(listener as (value: Parameters<ClusterEvents[E]>[0]) => void)(value)
      } catch (error) {
        // One listener's fault must not keep the others, or the protocol, from going on.
        this.#runtime.log('error', `a listener of '${event}' threw`, { error })
      }
    }
  }
}
