import type { BytesStore } from '../otp/index.js'
import type { PutResult } from '../store/index.js'
import { type PeerId, unpackValue } from '../wire/index.js'

/** A store that says who holds what it was given. */
interface HeldStore extends BytesStore {
  update(key: string, change: (kept: Uint8Array | undefined) => Uint8Array | undefined): Promise<PutResult>
}

/** Sees which entries have come to be in a snapshot that outlives a page, and which pages could not keep one. */
export class SnapshotWitness {
  /** When each entry was first in a snapshot that was kept. */
  readonly #kept = new Map<string, number>()
  /** When pages could not have another keep the snapshot of a key. */
  readonly #failed: { readonly page: PeerId; readonly key: string; readonly at: number }[] = []

  /** A page's store of snapshots, watched. */
  watch(store: HeldStore, page: PeerId, now: () => number): BytesStore {
    return {
      get: (key, options) => store.get(key, options),
      update: (key, change) => {
        let written: Uint8Array | undefined
        const update = store.update(key, (kept) => {
          written = change(kept)
          return written
        })
        return update.then(
          (result) => {
            // A page that is alone keeps its own: that goes with it.
            if (result.holders.length < 2) this.#failed.push({ page, key, at: now() })
            else
              for (const entry of entriesOf(written)) if (!this.#kept.has(entry)) this.#kept.set(entry, now())
            return result
          },
          (error: unknown) => {
            this.#failed.push({ page, key, at: now() })
            throw error
          },
        )
      },
    }
  }

  /** Whether an entry had been in a snapshot that was kept by then. */
  wasKept(entry: string, by: number): boolean {
    return (this.#kept.get(entry) ?? Number.POSITIVE_INFINITY) <= by
  }

  /**
   * Whether a page that went at `until` took an entry of `at` with it that was in its memory alone:
   * no other page could keep a snapshot since.
   */
  wentWith(page: PeerId, key: string, entry: string, at: number, until: number): boolean {
    return (
      !this.wasKept(entry, until) &&
      this.#failed.some(
        (failure) =>
          failure.page === page && failure.key.endsWith(key) && failure.at > at && failure.at <= until,
      )
    )
  }
}

/** What a ledger's packed record says that was entered, also beside the snapshot of its owner. */
function entriesOf(record: Uint8Array | undefined): readonly string[] {
  if (record === undefined) return []
  const value = unpackValue(record)
  if (!Array.isArray(value)) return []
  const beside = Array.isArray(value[6]) ? value[6].map((other: unknown[]) => other[2]) : []
  return [value[3], ...beside].flatMap((snapshot) => (Array.isArray(snapshot) ? snapshot.map(String) : []))
}
