import type { ExitReason } from './exit.js'
import type { Envelope } from './process.js'
import type { Target } from './ref.js'

/** The monitors that a server has set: each tells it of one end by a message `down`. */
export class OwnMonitors {
  readonly #demonitors = new Map<number, () => void>()
  #next = 1

  /** Sets one. @returns its number, as in the message */
  add(
    target: Target,
    monitor: (target: Target, down: (reason: ExitReason) => void) => () => void,
    deliver: (envelope: Envelope) => void,
  ): number {
    const id = this.#next++
    const down = (reason: ExitReason): void => {
      const message = { type: 'down', monitor: id, ref: target, reason }
      // Taken back meanwhile, it is not wanted any more, though it waits already.
      deliver({ kind: 'info', message, isWanted: () => this.#demonitors.delete(id) })
    }
    this.#demonitors.set(id, monitor(target, down))
    return id
  }

  remove(id: number): void {
    this.#demonitors.get(id)?.()
    this.#demonitors.delete(id)
  }

  clear(): void {
    for (const demonitor of this.#demonitors.values()) demonitor()
    this.#demonitors.clear()
  }
}
