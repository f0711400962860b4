import type { Runtime } from './runtime.js'

/**
 * Who listens to which event. One listener's fault keeps neither the others nor the one that emits from going on: it is
 * logged.
 *
 * @example
 * ```ts
 * const emitter = new Emitter<{ up(peer: PeerId): void }>(runtime)
 * const off = emitter.on('up', (peer) => greet(peer))
 * emitter.emit('up', 'b')
 * ```
 */
export class Emitter<Events extends { [Name in keyof Events]: (value: never) => void }> {
  readonly #runtime: Pick<Runtime, 'log'>
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  constructor(runtime: Pick<Runtime, 'log'>) {
    this.#runtime = runtime
  }

  /** Returns the way back. */
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): () => void {
    let listeners = this.#listeners.get(event)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(event, listeners)
    }
    const own = listeners
    // A wrapper, so that the same function may listen twice and each be taken back by itself.
    const wrapped = (value: never): void => listener(value)
    own.add(wrapped)
    return () => own.delete(wrapped)
  }

  /** Tells those who listen now, in the order in which they began to. */
  emit<Name extends keyof Events>(event: Name, value: Parameters<Events[Name]>[0]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        ;(listener as (value: Parameters<Events[Name]>[0]) => void)(value)
      } catch (error) {
        this.#runtime.log('error', `a listener of '${String(event)}' threw`, { error })
      }
    }
  }
}
