import type { PeerId } from '../../wire/index.js'
import type { Version } from '../clock.js'
import type { StateService } from '../state-service.js'
import { type SimulatedPeers, storeName } from './simulated-peers.js'
import type { Report } from './simulation-options.js'

/** Watches one prefix on every peer, and sees to it that each was told the last state of every key. */
export class WatchWitness {
  readonly #prefix: string
  readonly #replicas: number
  readonly #told = new Map<PeerId, Map<string, Version>>()

  constructor(prefix: string, replicas: number) {
    this.#prefix = prefix
    this.#replicas = replicas
  }

  follow(id: PeerId, service: StateService): void {
    const told = new Map<string, Version>()
    this.#told.set(id, told)
    const { watches } = service.coordinator
    watches.watch(storeName, this.#replicas, { prefix: this.#prefix }, (key, { version }) =>
      told.set(key, version),
    )
  }

  check(peers: SimulatedPeers, report: Report): void {
    // A machine whose clock is wrong believes its own stamps.
    const watchers = peers.running.filter(({ clockAhead }) => clockAhead === 0)
    for (const { self } of peers.running) {
      const service = peers.service(self)
      for (const key of service.keysOf(storeName)) {
        if (!key.startsWith(this.#prefix)) continue
        const held = service.find(storeName, key)
        if (held === undefined || held.content === null) continue
        for (const { self: watcher } of watchers) {
          const told = this.#told.get(watcher)?.get(key)
          if (told !== held.version)
            report('watched', `${watcher} was told ${told} of ${key}, which is ${held.version}`)
        }
      }
    }
  }
}
