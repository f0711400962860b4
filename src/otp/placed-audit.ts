import type { Timer } from '../runtime/index.js'
import type { PlacedHost } from './placed-host.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout } from './placed-timing.js'

/** Milliseconds between two looks at whether what others are said to run for us really runs. */
const auditDelay = 10_000

/** Finds what everybody believes to run and nobody runs. Hearsay alone cannot: it may be wrong for good. */
export class PlacedAudit {
  readonly #state: PlacedState
  readonly #host: PlacedHost
  #auditing: Timer

  constructor(state: PlacedState, host: PlacedHost) {
    this.#state = state
    this.#host = host
    this.#auditing = state.cluster.runtime.timer(auditDelay, () => this.#audit())
  }

  close(): void {
    this.#auditing.cancel()
  }

  /**
   * Asks the owners of what should be ours, and has not been handed over, whether it runs at all.
   * What one heard last can be wrong for good when a peer left while it was cut off.
   */
  #audit(): void {
    const { cluster, directory, instances } = this.#state
    const { self } = cluster
    for (const { placed, key, place } of directory.elsewhere()) {
      if (directory.homeOf(placed, key) !== self || instances.has(placed, key)) continue
      const probe = { type: 'process.probe', process: place.process } as const
      cluster.request(place.owner, probe, requestTimeout, (outcome) => {
        const dead =
          outcome.kind === 'reply' && outcome.message.type === 'process.alive' && !outcome.message.alive
        if (!dead || directory.get(placed, key) !== place) return
        directory.delete(placed, key)
        if (!instances.has(placed, key) && directory.homeOf(placed, key) === self) {
          this.#host.revive(placed, key)
        }
      })
    }
    for (const [placed, key] of directory.orphans()) this.#remind(placed, key)
    this.#auditing = cluster.runtime.timer(auditDelay, () => this.#audit())
  }

  /** Tells the peer that should run it what ran where: it may have come after the owner was cut off. */
  #remind(placed: string, key: string): void {
    const { cluster, directory } = this.#state
    const home = directory.homeOf(placed, key)
    const place = directory.get(placed, key)
    if (home === undefined || home === cluster.self || place === undefined || place.epoch === 0) return
    const now = { owner: place.owner, process: place.process }
    cluster.send(home, { type: 'placed.gone', placed, key, epoch: place.epoch - 1, now })
  }
}
