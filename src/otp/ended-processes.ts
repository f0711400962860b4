import type { ProcessRef } from './ref.js'

/**
 * Ends that are remembered. What was said before an end may come after it, by another way: from a
 * page that was frozen, or one that has not heard. That takes minutes at most, in which a busy mesh
 * ends some thousand named processes.
 */
const mostRemembered = 10_000

/**
 * Processes that are known to have ended, or to have given their name up. Neither is ever undone, as
 * no number of a process is used again: what comes late must not bring a name back.
 */
export class EndedProcesses {
  readonly #known = new Set<string>()

  get size(): number {
    return this.#known.size
  }

  has(ref: ProcessRef): boolean {
    return this.#known.has(key(ref))
  }

  add(ref: ProcessRef): void {
    this.#known.add(key(ref))
    if (this.#known.size <= mostRemembered) return
    const [oldest] = this.#known
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function key({ peer, id }: ProcessRef): string {
  return `${peer}/${id}`
}
