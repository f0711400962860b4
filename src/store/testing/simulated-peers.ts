// biome-ignore lint/style/noRestrictedImports: a simulation's network, and not part of the store
import { type FakeNetwork, fakeClusters } from '../../mesh/testing/fake-cluster.js'
import { seededRandom, VirtualTime } from '../../runtime/index.js'
import type { PeerId } from '../../wire/index.js'
import { memoryPersistence } from '../adapters/memory.js'
import type { Version } from '../clock.js'
import type { Held } from '../held.js'
import { StateService } from '../state-service.js'
import type { SimulationOptions } from './simulation-options.js'

export type SimulatedPeer = FakeNetwork['running'][number]

/** A member without weight, which holds nothing; there where 'hostile' is among the faults. */
const hostileId: PeerId = 'hostile'

/** The store that all simulated peers share. */
export const storeName = 's'

export interface PeerEvents {
  /** A peer runs, from the start or since it joined. */
  started(peer: SimulatedPeer, service: StateService): void
  /** A peer let a copy go. */
  dropped(id: PeerId, key: string, version: Version): void
  /** A peer is about to crash. */
  crashing(id: PeerId): void
}

/** Mean of `span`, never less than a tenth of it. */
export function about(random: () => number, span: number): number {
  return span * (0.1 + 1.8 * random())
}

/** The peers of a simulation: a network in memory with a state service on each, and what is left of those that went. */
export class SimulatedPeers {
  readonly time: VirtualTime
  readonly net: FakeNetwork
  readonly random: () => number
  readonly services = new Map<PeerId, StateService>()
  readonly #tombstoneTime: number
  readonly #events: PeerEvents
  /** What outlives a peer on its disk or in its browser. */
  readonly #media = new Map<PeerId, Map<string, Uint8Array>>()
  #ids = 0
  /** Whether views may be very late. */
  #lags: boolean

  constructor(options: Required<SimulationOptions>, events: PeerEvents) {
    const { seed, nodes, edges, browsers, faults, longestLag, tombstoneTime } = options
    this.#tombstoneTime = tombstoneTime
    this.#events = events
    const random = seededRandom(`store simulation ${seed}`)
    this.random = random
    this.time = new VirtualTime(seed)
    const ids = Array.from({ length: nodes }, (_, index) => this.#freshId(index < edges))
    if (faults.includes('hostile')) ids.push(hostileId)
    this.#lags = faults.includes('lag')
    this.net = fakeClusters(this.time, ids, {
      encode: false,
      info: (id) => ({
        kind: isEdge(id) ? 'edge' : 'tab',
        weight: id === hostileId ? 0 : 1,
        host: browsers === 0 || isEdge(id) ? id : `browser ${Number(id.slice(1)) % browsers}`,
      }),
      trace: (id, event, [, key, version]) => {
        if (event === 'store.drop') events.dropped(id, String(key), String(version))
      },
      delay: () => 1 + 20 * random() ** 3,
      viewLag: () => (this.#lags && random() < 0.3 ? longestLag * random() : 100 * random()),
      suspectAfter: () => 1_500 + 1_000 * random(),
      deadAfter: () => 4_000 + 2_000 * random(),
    })
  }

  /** Starts the state of all that are there from the beginning. */
  start(): void {
    for (const peer of this.net.clusters) this.#start(peer)
  }

  get running(): readonly SimulatedPeer[] {
    return this.net.running
  }

  /** Those that neither come nor go, nor are hidden, nor hostile. */
  get alive(): SimulatedPeer[] {
    return this.net.running.filter(({ own, self }) => own === 'alive' && self !== hostileId)
  }

  /** Those of them that compute. */
  get awake(): SimulatedPeer[] {
    return this.alive.filter(({ frozen }) => !frozen)
  }

  get hostile(): SimulatedPeer | undefined {
    return this.net.running.find(({ self }) => self === hostileId)
  }

  service(id: PeerId): StateService {
    const service = this.services.get(id)
    if (service === undefined) throw new Error(`there is no service of ${id}`)
    return service
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)] as Item
  }

  /** Changes are heard of in time from now on; of earlier ones some are still on their way. */
  endLag(): void {
    this.#lags = false
  }

  join(): void {
    this.#start(this.net.join(this.#freshId(false)))
  }

  /** An edge worker that crashes is started again, on the disk that it had. */
  crash(id: PeerId): void {
    this.#events.crashing(id)
    this.net.crash(id)
    if (isEdge(id)) this.#comeBack(id)
  }

  /** As a crash, but pages come back too, with what was in their browser's storage. */
  reload(id: PeerId): void {
    this.crash(id)
    if (!isEdge(id)) this.#comeBack(id)
  }

  /** Peers that crash in one moment. */
  crashTogether(ids: readonly PeerId[]): void {
    for (const id of ids) this.crash(id)
  }

  /** What a peer holds. */
  *heldBy(id: PeerId): Generator<{ readonly key: string; readonly version: Version }> {
    const service = this.service(id)
    for (const key of service.keysOf(storeName)) {
      const held = service.find(storeName, key)
      if (held !== undefined) yield { key, version: held.version }
    }
  }

  /** Who holds this state of a key, or a later one. */
  holdersOf(key: string, version: Version): PeerId[] {
    const holders: PeerId[] = []
    for (const { self } of this.net.running) {
      const held = this.services.get(self)?.find(storeName, key)
      if (held !== undefined && held.version >= version) holders.push(self)
    }
    return holders
  }

  /** The latest state of a key that anybody holds. */
  latest(key: string): Held | undefined {
    let latest: Held | undefined
    for (const { self } of this.net.running) {
      const held = this.services.get(self)?.find(storeName, key)
      if (held !== undefined && (latest === undefined || held.version > latest.version)) latest = held
    }
    return latest
  }

  #start(peer: SimulatedPeer, medium = new Map<string, Uint8Array>()): void {
    this.#media.set(peer.self, medium)
    const isDisk = isEdge(peer.self)
    const persistence = memoryPersistence(peer.runtime, { medium, durable: isDisk, isCached: isDisk })
    const service = new StateService({ cluster: peer, persistence, tombstoneTime: this.#tombstoneTime })
    this.services.set(peer.self, service)
    this.#events.started(peer, service)
  }

  #comeBack(id: PeerId): void {
    const medium = this.#media.get(id)
    this.time.timer(about(this.random, 2_000), () =>
      this.#start(this.net.join(this.#freshId(isEdge(id))), medium),
    )
  }

  #freshId(edge: boolean): PeerId {
    return `${edge ? 'edge' : 'n'}${String(this.#ids++).padStart(3, '0')}`
  }
}

function isEdge(id: PeerId): boolean {
  return id.startsWith('edge')
}
