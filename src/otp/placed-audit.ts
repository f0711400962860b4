import type { Timer } from '../runtime/index.js'
import type { Message } from '../wire/index.js'
import type { PlacedHost } from './placed-host.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout } from './placed-timing.js'

/** Milliseconds between two looks at whether what others are said to run for us really runs. */
const auditDelay = 10_000

/** Finds what everybody believes to run and nobody runs. Hearsay alone cannot: it may be wrong for good. */
export class PlacedAudit {
  readonly #state: PlacedState
  readonly #host: PlacedHost
  readonly #audited: () => void
  #auditing: Timer
  /** Whose turn it is to be asked what it can host. */
  #turn = 0

  /** @param audited - called when something may have to move */
  constructor(state: PlacedState, host: PlacedHost, audited: () => void) {
    this.#state = state
    this.#host = host
    this.#audited = audited
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
        // The place is kept for its epoch: the next one must be later.
        if (directory.homeOf(placed, key) !== self) directory.delete(placed, key)
        else if (!instances.has(placed, key)) this.#host.revive(placed, key)
      })
    }
    for (const [placed, key] of directory.orphans()) this.#remind(placed, key)
    this.#compare()
    this.#audited()
    this.#auditing = cluster.runtime.timer(auditDelay, () => this.#audit())
  }

  /** Asks those of whom it is not known what they can host, and one of the others in turn: what they said may have been lost. */
  #compare(): void {
    const { cluster, definitions, directory } = this.#state
    const others = cluster.members().filter(({ id }) => id !== cluster.self)
    const next = others[this.#turn++ % others.length]
    for (const member of others) {
      if (member !== next && directory.isKnown(member.id)) continue
      const types: Message = { type: 'placed.types', types: [...definitions.keys()] }
      cluster.request(member.id, types, requestTimeout, (outcome) => {
        if (outcome.kind !== 'reply' || outcome.message.type !== 'placed.types') return
        directory.hosts(member.id, outcome.message.types)
        this.#audited()
      })
    }
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
