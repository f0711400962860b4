import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { awaitTime } from './constants.js'

interface Asked {
  readonly peer: PeerId
  readonly until: number
}

/** Keys remembered at most: those of some hundred frames, which is more than can be under way. */
const mostAwaited = 50_000

/**
 * Keys that were asked of a peer and have not come yet. Two peers offer every key to a new owner,
 * and it shall not be sent twice; should the first fail, the other's next offer is taken.
 */
export class Awaited {
  readonly #runtime: Runtime
  readonly #asked = new Map<string, Asked>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Whether to ask `peer` for a key now; if so, it is noted. */
  ask(peer: PeerId, store: string, key: string): boolean {
    const name = `${store}/${key}`
    const now = this.#runtime.now()
    const before = this.#asked.get(name)
    if (before !== undefined && before.peer !== peer && before.until > now) return false
    this.#asked.delete(name)
    this.#asked.set(name, { peer, until: now + awaitTime })
    for (const [oldest, { until }] of this.#asked) {
      if (until > now && this.#asked.size <= mostAwaited) break
      this.#asked.delete(oldest)
    }
    return true
  }

  came(store: string, key: string): void {
    if (this.#asked.size > 0) this.#asked.delete(`${store}/${key}`)
  }
}
