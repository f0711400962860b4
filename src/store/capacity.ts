import type { Journal } from './journal.js'
import type { StoreRecord } from './record.js'
import type { Replica } from './replica.js'

/** Whether this peer has room for more, in memory and in storage, and who is told when that changes. */
export class Capacity {
  readonly #replica: Replica
  readonly #journal: Journal | undefined
  readonly #mostBytes: number
  readonly #changed: (isFull: boolean) => void
  /** The last that was offered did not fit within the limit of bytes. */
  #isCrowded = false
  #told = false

  /** @param mostBytes - of keys and values that this peer holds */
  constructor(
    replica: Replica,
    journal: Journal | undefined,
    mostBytes: number,
    changed: (isFull: boolean) => void,
  ) {
    this.#replica = replica
    this.#journal = journal
    this.#mostBytes = mostBytes
    this.#changed = changed
  }

  /** Whether there is no room for a record. What frees room is taken in any case. */
  isFullFor(record: StoreRecord): boolean {
    if (record.content === null) return false
    const growth = this.#replica.growth(record)
    const isOver = growth > 0 && this.#replica.bytes + growth > this.#mostBytes
    if (isOver !== this.#isCrowded && growth > 0) {
      this.#isCrowded = isOver
      this.tell()
    }
    return isOver || this.#journal?.isFull === true
  }

  /** Tells of it where it has changed. */
  tell(): void {
    const isFull = this.#isCrowded || this.#journal?.isFull === true
    if (isFull === this.#told) return
    this.#told = isFull
    this.#changed(isFull)
  }
}
