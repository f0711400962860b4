import type { Cluster } from '../mesh/index.js'
import type { ReadonlyRing } from '../ring/index.js'
import type { PeerId } from '../wire/index.js'

/** Keys whose owners are remembered: those of the writes and frames under way. */
const mostRecent = 2_000

/**
 * Who should hold a key: distinct peers in the order of the ring, spread over distinct browsers,
 * with an edge worker among them when there is one. Lists of owners are shared between keys, so
 * that holding one costs a key eight bytes.
 */
export class Placement {
  readonly #cluster: Cluster
  #shared = new Map<string, readonly PeerId[]>()
  readonly #recent = new WeakMap<ReadonlyRing, Map<string, { replicas: number; owners: readonly PeerId[] }>>()
  readonly #edges = new WeakMap<ReadonlyRing, ReadonlySet<PeerId>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** The owners now: reads go here. */
  owners(key: string, replicas: number): readonly PeerId[] {
    return this.#recalled(this.#cluster.ring, key, replicas)
  }

  /** The owners when those that come have come and those that go have gone. */
  nextOwners(key: string, replicas: number): readonly PeerId[] {
    return this.#recalled(this.#cluster.nextRing, key, replicas)
  }

  /** The owners if these peers were gone. */
  ownersWithout(key: string, replicas: number, gone: ReadonlySet<PeerId>): readonly PeerId[] {
    return this.#on(this.#cluster.nextRing, key, replicas, gone)
  }

  /** Whether peers come or go just now, so that the two rings differ. */
  get isMoving(): boolean {
    const { ring, nextRing } = this.#cluster
    return ring !== nextRing && ring.digest !== nextRing.digest
  }

  /** One write asks a dozen times for the owners of its key: the answers of one ring are kept for a while. */
  #recalled(ring: ReadonlyRing, key: string, replicas: number): readonly PeerId[] {
    let recent = this.#recent.get(ring)
    if (recent === undefined || recent.size > mostRecent) {
      recent = new Map()
      this.#recent.set(ring, recent)
    }
    const known = recent.get(key)
    if (known !== undefined && known.replicas === replicas) return known.owners
    const owners = this.#on(ring, key, replicas, undefined)
    recent.set(key, { replicas, owners })
    return owners
  }

  #on(
    ring: ReadonlyRing,
    key: string,
    replicas: number,
    gone: ReadonlySet<PeerId> | undefined,
  ): readonly PeerId[] {
    const { spread } = this.#cluster
    let ids = ring.owners(key, replicas + (gone?.size ?? 0), spread)
    if (gone !== undefined && gone.size > 0) ids = ids.filter((id) => !gone.has(id)).slice(0, replicas)
    const edges = this.#edgesOf(ring)
    if (replicas > 1 && edges.size > 0 && ids.length === replicas && !ids.some((id) => edges.has(id))) {
      const edge = ring.owners(key, ring.size).find((id) => edges.has(id) && !gone?.has(id))
      if (edge !== undefined) ids = [...ids.slice(0, -1), edge]
    }
    const name = ids.join()
    let shared = this.#shared.get(name)
    if (shared === undefined) {
      // Lists of rings long gone are of no use: start afresh now and then.
      if (this.#shared.size > 10_000) this.#shared = new Map()
      shared = ids
      this.#shared.set(name, shared)
    }
    return shared
  }

  #edgesOf(ring: ReadonlyRing): ReadonlySet<PeerId> {
    let ids = this.#edges.get(ring)
    if (ids === undefined) {
      const edges = ring.nodes().filter(({ id }) => this.#cluster.member(id)?.kind === 'edge')
      ids = new Set(edges.map(({ id }) => id))
      this.#edges.set(ring, ids)
    }
    return ids
  }
}
