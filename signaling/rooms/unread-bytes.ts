/** Somebody that frames are sent to. */
export interface SlowReader {
  /** Bytes that were sent to it and have not left this machine. */
  readonly unread: number
}

/** The share of the limit that is sent between two looks: by no more than that the limit is ever passed. */
const betweenLooks = 1 / 16

/** The share of the limit that is left over when readers had to be cut off, so that it is not passed again at once. */
const leftOver = 7 / 8

/**
 * Holds down what waits for all readers together: each may have its share of the memory, but a thousand that read
 * nothing may not have a thousand shares. Over the limit those with the most unread are cut off, one by one.
 */
export class UnreadBytes<Reader extends SlowReader = SlowReader> {
  readonly #limit: number
  readonly #cut: (reader: Reader) => void
  /** Those that were sent something since the last look, or had something unread then. */
  readonly #readers = new Set<Reader>()
  #sent = 0

  /**
   * @param limit - in bytes
   * @param cut - closes a reader, which has nothing unread from then on
   */
  constructor(limit: number, cut: (reader: Reader) => void) {
    this.#limit = limit
    this.#cut = cut
  }

  /** Bytes that wait now. */
  get total(): number {
    let total = 0
    for (const { unread } of this.#readers) total += unread
    return total
  }

  /** So many bytes were sent to a reader. Looks, if it is time. */
  sent(reader: Reader, bytes: number): void {
    this.#readers.add(reader)
    this.#sent += bytes
    if (this.#sent >= this.#limit * betweenLooks) this.look()
  }

  gone(reader: Reader): void {
    this.#readers.delete(reader)
  }

  /** Forgets those that have read all, and cuts off those with the most unread while there is too much. */
  look(): void {
    this.#sent = 0
    let total = 0
    const slow: { readonly reader: Reader; readonly unread: number }[] = []
    for (const reader of this.#readers) {
      const { unread } = reader
      total += unread
      if (unread === 0) this.#readers.delete(reader)
      else slow.push({ reader, unread })
    }
    if (total <= this.#limit) return
    slow.sort((one, other) => other.unread - one.unread)
    for (const { reader, unread } of slow) {
      if (total <= this.#limit * leftOver) return
      total -= unread
      this.#readers.delete(reader)
      this.#cut(reader)
    }
  }
}
