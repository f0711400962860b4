import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'

/** Strangers whose payloads are kept: as many as a busy room brings at once. */
const mostPeers = 64
/** Payloads of each: an offer and its candidates. */
const mostPayloads = 32
/** Bytes of each: an offer with a dozen candidates has two or three thousand. */
const mostBytesOfOne = 32 * 1024
/** Bytes of all, half of what each may have. */
const mostBytes = 1024 * 1024
/** Milliseconds after which the caller has given up. */
const keptFor = 15_000

interface Kept {
  readonly since: number
  readonly payloads: Uint8Array[]
  bytes: number
}

/**
 * Dials of peers that this one has not been told to connect to yet: the news of a newcomer and its
 * offer come by different ways, and a lost offer would cost the caller its time-out.
 */
export class EarlyOffers {
  readonly #runtime: Runtime
  readonly #kept = new Map<PeerId, Kept>()
  #bytes = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  keep(from: PeerId, payload: Uint8Array): void {
    const now = this.#runtime.now()
    // In the order of their coming, so the old ones stand first.
    for (const [id, { since }] of this.#kept) {
      if (now - since < keptFor) break
      this.#forget(id)
    }
    const entry = this.#kept.get(from) ?? { since: now, payloads: [], bytes: 0 }
    const isFull = entry.payloads.length >= mostPayloads || entry.bytes + payload.length > mostBytesOfOne
    if (isFull || this.#bytes + payload.length > mostBytes) return
    if (entry.payloads.length === 0) {
      if (this.#kept.size >= mostPeers) return
      this.#kept.set(from, entry)
    }
    // A copy: what came shares the memory of its whole frame.
    entry.payloads.push(payload.slice())
    entry.bytes += payload.length
    this.#bytes += payload.length
  }

  /** Gives what is kept of `from`, once. */
  take(from: PeerId): readonly Uint8Array[] {
    const entry = this.#kept.get(from)
    this.#forget(from)
    return entry !== undefined && this.#runtime.now() - entry.since < keptFor ? entry.payloads : []
  }

  #forget(from: PeerId): void {
    this.#bytes -= this.#kept.get(from)?.bytes ?? 0
    this.#kept.delete(from)
  }
}
