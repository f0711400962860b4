import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import { encodeForSending, limits, type Message, type PeerId } from '../wire/index.js'
import type { ExitReason } from './exit.js'
import { fullPause } from './full-pause.js'
import { isHere } from './is-here.js'
import { undeliverable } from './undeliverable.js'

/** Bytes of answers that are kept for one peer, as much again as its queue holds; one more is while it is below. */
const keptBytes = 4 * 1024 * 1024

/** And so many of them, as in a queue: what a million empty ones would cost is not in their bytes. */
const keptAnswers = 65_536

/** What waits for one peer. */
interface Kept {
  readonly answers: { readonly message: Message; readonly bytes: number }[]
  bytes: number
}

/**
 * Answers on their way to the peers that asked. One that finds the queue to its peer full is kept until there is room:
 * who asked would else wait for the whole of its time-out. Answers need no order among themselves.
 */
export class Answers {
  readonly #cluster: Cluster
  readonly #kept = new Map<PeerId, Kept>()
  readonly #stops: (() => void)[]
  #retry: Timer | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    // Its calls have ended: it is gone, or held this page for gone.
    this.#stops = [
      cluster.on('down', ({ id }) => this.#kept.delete(id)),
      cluster.on('reset', (peer) => this.#kept.delete(peer)),
    ]
  }

  /** How many are kept. */
  get size(): number {
    return [...this.#kept.values()].reduce((size, { answers }) => size + answers.length, 0)
  }

  /** @param refusal - what is said instead where the answer is too long, or too much is kept already */
  send(peer: PeerId, answer: Message, refusal: (reason: ExitReason) => Message): void {
    const isClosed = this.#stops.length === 0
    if (this.#cluster.send(peer, answer) || !isHere(this.#cluster, peer) || isClosed) return
    const { length } = encodeForSending(answer)
    if (length <= limits.messageBytes && (this.#kept.get(peer)?.bytes ?? 0) < keptBytes) {
      this.#keep(peer, answer, length)
      return
    }
    const instead = refusal(undeliverable(this.#cluster, peer, answer))
    if (!this.#cluster.send(peer, instead)) this.#keep(peer, instead, encodeForSending(instead).length)
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#kept.clear()
    this.#retry?.cancel()
  }

  #keep(peer: PeerId, message: Message, bytes: number): void {
    const kept = this.#kept.get(peer) ?? { answers: [], bytes: 0 }
    if (kept.answers.length >= keptAnswers) {
      this.#cluster.runtime.log('warn', 'an answer was dropped, as too many wait', { peer })
      return
    }
    this.#kept.set(peer, kept)
    kept.answers.push({ message, bytes })
    kept.bytes += bytes
    this.#retry ??= this.#cluster.runtime.timer(fullPause, () => this.#sendKept())
  }

  #sendKept(): void {
    this.#retry = undefined
    for (const [peer, kept] of this.#kept) {
      const refused = kept.answers.findIndex(({ message }) => !this.#cluster.send(peer, message))
      const sent = kept.answers.splice(0, refused === -1 ? kept.answers.length : refused)
      for (const { bytes } of sent) kept.bytes -= bytes
      if (kept.answers.length === 0) this.#kept.delete(peer)
    }
    if (this.#kept.size > 0) this.#retry = this.#cluster.runtime.timer(fullPause, () => this.#sendKept())
  }
}
