import { timeOf } from './clock.js'
import { sessionBytes, sessionKeys } from './constants.js'
import type { Held } from './held.js'
import { type Restamp, restamped } from './merges/restamp.js'
import { join } from './record.js'

/**
 * What this page has read and written, so that it never reads anything older: read-your-writes and
 * monotonic reads (Terry et al., 1994). Remembers the states themselves, as of values that merge
 * no version alone tells whether a replica has seen a certain write. Bounded: of what was used
 * longest ago the guarantee lapses.
 */
export class Session {
  /** In the order of their last use. */
  readonly #seen = new Map<string, Held>()
  #bytes = 0

  /**
   * What is known of a key, joined with what a replica answered.
   *
   * @param oldest - stamps before it may be those of keys that were deleted with no trace left (wall clock):
   * of those nothing found means nothing there
   */
  read(key: string, held: Held | undefined, oldest: number): Held | undefined {
    const seen = this.#seen.get(key)
    if (seen !== undefined && held === undefined && timeOf(seen.version) < oldest) {
      this.#forget(key, seen)
      return undefined
    }
    if (seen === undefined || held === undefined) return held ?? seen
    return join(held, seen)
  }

  /** Remembers a state that was read or written. */
  note(key: string, held: Held | undefined): void {
    if (held === undefined) return
    const seen = this.#seen.get(key)
    const joined = seen === undefined ? held : join(held, seen)
    if (seen !== undefined) this.#forget(key, seen)
    this.#seen.set(key, joined)
    this.#bytes += sizeOf(key, joined)
    for (const [oldest, state] of this.#seen) {
      if (this.#seen.size <= sessionKeys && this.#bytes <= sessionBytes) break
      this.#forget(oldest, state)
    }
  }

  /** Puts right the stamps that this machine gave while its clock was wrong. */
  restamp(restamp: Restamp): void {
    for (const [key, held] of this.#seen) {
      if (restamp(held.version) === held.version) continue
      this.#bytes -= sizeOf(key, held)
      const right = restamped(held, restamp)
      this.#seen.set(key, right)
      this.#bytes += sizeOf(key, right)
    }
  }

  #forget(key: string, held: Held): void {
    this.#seen.delete(key)
    this.#bytes -= sizeOf(key, held)
  }
}

function sizeOf(key: string, held: Held): number {
  return 2 * key.length + held.version.length + (held.content?.byteLength ?? 0)
}
