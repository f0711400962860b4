import type { Cluster } from '../mesh/index.js'
import { encodeForSending, limits, type Message, type PeerId } from '../wire/index.js'
import type { ExitReason } from './exit.js'
import { isHere } from './is-here.js'
import type { KeptMessages } from './kept-messages.js'
import { undeliverable } from './undeliverable.js'

/** Bytes of answers that are kept for one peer, as much again as its queue holds; one more is while it is below. */
const keptBytes = 4 * 1024 * 1024

/**
 * Answers on their way to the peers that asked. One that finds the queue to its peer full is kept until there is room:
 * who asked would else wait for the whole of its time-out. Answers need no order among themselves.
 */
export class Answers {
  readonly #cluster: Cluster
  readonly #kept: KeptMessages

  constructor(cluster: Cluster, kept: KeptMessages) {
    this.#cluster = cluster
    this.#kept = kept
  }

  /** @param refusal - what is said instead where the answer is too long, or too much is kept already */
  send(peer: PeerId, answer: Message, refusal: (reason: ExitReason) => Message): void {
    if (this.#cluster.send(peer, answer) || !isHere(this.#cluster, peer)) return
    const { length } = encodeForSending(answer)
    if (length <= limits.messageBytes && this.#kept.bytes(peer) < keptBytes) {
      this.#kept.keep(peer, answer, length)
      return
    }
    const instead = refusal(undeliverable(this.#cluster, peer, answer))
    if (!this.#cluster.send(peer, instead)) this.#kept.keep(peer, instead)
  }
}
