import type { PeerId } from '../wire/index.js'
import { GONE_LIMIT, GONE_TIME, KNOCK_TIME } from './constants.js'
import type { Peer } from './peer.js'
import { DEAD } from './standing.js'

/** The dead and the departed: remembered for a while, so that an old claim does not revive them. */
export class Gone {
  readonly #peers = new Map<PeerId, Peer>()
  #turn = 0

  get size(): number {
    return this.#peers.size
  }

  get(id: PeerId): Peer | undefined {
    return this.#peers.get(id)
  }

  /** @param forgotten - told of each that is no longer remembered, its time or the room for it being over */
  add(peer: Peer, now: number, forgotten: (peer: Peer) => void): void {
    peer.goneAt = now
    this.#peers.delete(peer.id)
    this.#peers.set(peer.id, peer)
    // In the order in which they went: the first is the oldest.
    for (const [id, oldest] of this.#peers) {
      if (this.#peers.size <= GONE_LIMIT && oldest.goneAt + GONE_TIME > now) break
      this.#peers.delete(id)
      forgotten(oldest)
    }
  }

  delete(peer: Peer): void {
    this.#peers.delete(peer.id)
  }

  /**
   * One of the dead that may only be cut off, each in its turn. The departed, of whom a busy room has
   * hundreds, take no turns: the dead would be called once in a quarter of an hour.
   */
  next(now: number): Peer | undefined {
    const dead = [...this.recent(now)]
    return dead[this.#turn++ % dead.length]
  }

  /** All of the dead that may only be cut off. */
  *recent(now: number): Iterable<Peer> {
    for (const peer of this.#peers.values()) if (mayReturn(peer, now)) yield peer
  }
}

function mayReturn(peer: Peer, now: number): boolean {
  return peer.standing === DEAD && peer.isKnown && peer.goneAt + KNOCK_TIME > now
}
