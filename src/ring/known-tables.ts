import type { OwnerTable } from './owner-table.js'

/** Entries at which those whose tables are gone are swept for the first time. */
const firstSweep = 64

/**
 * The tables in use in this process, by the digest of their nodes. A mesh computes its next ring before that becomes
 * the current one, and a simulator has many nodes whose rings are alike. How long a table is found here is up to
 * the garbage collector, and decides only how fast the same answer comes.
 */
export class KnownTables {
  readonly #tables = new Map<string, WeakRef<OwnerTable>>()
  #sweepAt = firstSweep

  get(digest: string): OwnerTable | undefined {
    return this.#tables.get(digest)?.deref()
  }

  set(digest: string, table: OwnerTable): void {
    this.#tables.set(digest, new WeakRef(table))
    if (this.#tables.size < this.#sweepAt) return
    for (const [known, reference] of this.#tables) {
      if (reference.deref() === undefined) this.#tables.delete(known)
    }
    this.#sweepAt = Math.max(firstSweep, 2 * this.#tables.size)
  }
}
