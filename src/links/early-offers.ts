import type { Runtime } from '../runtime/index.js'
import { limits, type PeerId } from '../wire/index.js'

/** Strangers whose payloads are kept: as many as a busy room brings at once. */
const mostPeers = 64
/** Payloads of each: an offer and its candidates. */
const mostPayloads = 32
/** Milliseconds after which the caller has given up. */
const keptFor = 15_000

/**
 * Dials of peers that this one has not been told to connect to yet: the news of a newcomer and its
 * offer come by different ways, and a lost offer would cost the caller its time-out.
 */
export class EarlyOffers {
  readonly #runtime: Runtime
  readonly #kept = new Map<PeerId, { readonly since: number; readonly payloads: Uint8Array[] }>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  keep(from: PeerId, payload: Uint8Array): void {
    if (payload.length > limits.frameBytes) return
    const now = this.#runtime.now()
    // In the order of their coming, so the old ones stand first.
    for (const [id, { since }] of this.#kept) {
      if (now - since < keptFor) break
      this.#kept.delete(id)
    }
    let entry = this.#kept.get(from)
    if (entry === undefined) {
      if (this.#kept.size >= mostPeers) return
      entry = { since: now, payloads: [] }
      this.#kept.set(from, entry)
    }
    if (entry.payloads.length < mostPayloads) entry.payloads.push(payload)
  }

  /** Gives what is kept of `from`, once. */
  take(from: PeerId): readonly Uint8Array[] {
    const entry = this.#kept.get(from)
    this.#kept.delete(from)
    return entry !== undefined && this.#runtime.now() - entry.since < keptFor ? entry.payloads : []
  }
}
