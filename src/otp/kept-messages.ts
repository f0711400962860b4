import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { isHere } from './is-here.js'

/** Milliseconds after which what found a queue full is sent again: 4 MiB leave in about so long at 40 MB/s. */
const fullPause = 100

/**
 * Messages that are kept for one peer at most, some 50 MB: more than a page has processes whose ends it could have to
 * tell. Only who asks on and on and reads no answers comes there.
 */
const mostKept = 250_000

interface Kept {
  readonly messages: { readonly message: Message; readonly bytes: number }[]
  bytes: number
  /** Whether the log was told that one had to be dropped. */
  hasDropped: boolean
}

/** What found the queue to its peer full and must not be lost: kept until there is room, or the peer is gone. */
export class KeptMessages {
  readonly #cluster: Cluster
  readonly #kept = new Map<PeerId, Kept>()
  readonly #stops: (() => void)[]
  #retry: Timer | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    // It is gone, or held this page for gone: what was tied to it has ended at both ends.
    this.#stops = [
      cluster.on('down', ({ id }) => this.#kept.delete(id)),
      cluster.on('reset', (peer) => this.#kept.delete(peer)),
    ]
  }

  /** How many are kept. */
  get size(): number {
    return [...this.#kept.values()].reduce((size, { messages }) => size + messages.length, 0)
  }

  /** Bytes that are kept for `peer`, of those that were told. */
  bytes(peer: PeerId): number {
    return this.#kept.get(peer)?.bytes ?? 0
  }

  /** Sends it again until there is room for it. `bytes`: how long it is, where that counts. */
  keep(peer: PeerId, message: Message, bytes = 0): void {
    const isClosed = this.#stops.length === 0
    if (isClosed || !isHere(this.#cluster, peer)) return
    const kept = this.#kept.get(peer) ?? { messages: [], bytes: 0, hasDropped: false }
    this.#kept.set(peer, kept)
    if (kept.messages.length >= mostKept) {
      if (!kept.hasDropped)
        this.#cluster.runtime.log('error', 'messages are lost, as too many wait for a peer', { peer })
      kept.hasDropped = true
      return
    }
    kept.messages.push({ message, bytes })
    kept.bytes += bytes
    this.#retry ??= this.#cluster.runtime.timer(fullPause, () => this.#send())
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#kept.clear()
    this.#retry?.cancel()
  }

  #send(): void {
    this.#retry = undefined
    for (const [peer, kept] of this.#kept) {
      const refused = kept.messages.findIndex(({ message }) => !this.#cluster.send(peer, message))
      const sent = kept.messages.splice(0, refused === -1 ? kept.messages.length : refused)
      for (const { bytes } of sent) kept.bytes -= bytes
      if (kept.messages.length === 0) this.#kept.delete(peer)
    }
    if (this.#kept.size > 0) this.#retry = this.#cluster.runtime.timer(fullPause, () => this.#send())
  }
}
