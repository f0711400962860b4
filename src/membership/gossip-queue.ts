import { type Claim, noNews } from './claim.js'
import { RETRANSMITS, RETRANSMITS_OF_OWN_WORD } from './constants.js'
import type { Peer } from './peer.js'

/** News that still have to be told. What is told is always the latest claim about the peer. */
export class GossipQueue {
  readonly #peers: Peer[] = []
  #turn = 0

  get isEmpty(): boolean {
    return this.#peers.length === 0
  }

  /**
   * Lets the claim about `peer` be sent as often as a cluster of `size` peers needs.
   * @param isOwnWord - whether the peer itself said so to us, and thus to the others too
   */
  add(peer: Peer, size: number, isOwnWord = false): void {
    if (peer.sends === 0) this.#peers.push(peer)
    peer.sends = isOwnWord ? RETRANSMITS_OF_OWN_WORD : RETRANSMITS * digits(size)
  }

  /** The claim about `peer` need not be sent any more. */
  remove(peer: Peer): void {
    if (peer.sends === 0) return
    peer.sends = 0
    this.#sweep()
  }

  clear(): void {
    for (const peer of this.#peers) peer.sends = 0
    this.#peers.length = 0
    this.#turn = 0
  }

  /** At most `limit` news for one message. Those that did not fit into the last one come first. */
  take(limit: number): Claim[] {
    const peers = this.#peers
    if (peers.length === 0) return noNews
    const news: Claim[] = []
    const count = Math.min(limit, peers.length)
    let isSpent = false
    for (let step = 0; step < count; step++) {
      const peer = peers[(this.#turn + step) % peers.length] as Peer
      news.push(peer.claim)
      peer.sends--
      if (peer.sends === 0) isSpent = true
    }
    this.#turn = (this.#turn + count) % peers.length
    if (isSpent) this.#sweep()
    return news
  }

  /** Takes out what was sent often enough, and keeps the turn with the piece that has it. */
  #sweep(): void {
    const peers = this.#peers
    let kept = 0
    let turn = 0
    for (const [index, peer] of peers.entries()) {
      if (index === this.#turn) turn = kept
      if (peer.sends > 0) peers[kept++] = peer
    }
    peers.length = kept
    this.#turn = kept === 0 ? 0 : turn % kept
  }
}

/** ⌈log10(size + 1)⌉, which is the number of decimal digits of `size`. */
function digits(size: number): number {
  let count = 1
  for (let rest = size; rest >= 10; rest /= 10) count++
  return count
}
