import { Arrivals } from './arrivals.js'
import type { Contender } from './contender.js'
import { partitions } from './key-position.js'

/** Owners that are remembered for each partition: three copies and one more, for whom is passed over. */
const depth = 4

/**
 * Who comes to a partition after whom, for one list of contenders, which does not change. Once enough was asked, the
 * first few of each partition are remembered: in 1 MiB, of which only what was asked about is ever touched.
 */
export class Successors {
  readonly #contenders: readonly Contender[]
  /** Slots plus one, by partition and rank; zero where nobody asked yet. Undefined until it is worth its memory. */
  #slots: Uint16Array | undefined
  readonly #known: number
  #questions = 0

  constructor(contenders: readonly Contender[]) {
    this.#contenders = contenders
    this.#known = Math.min(depth, contenders.length)
  }

  /** Gives the ids of the contenders of a partition in order, then undefined. */
  of(partition: number): () => string | undefined {
    const slots = this.#slots ?? this.#remembering()
    if (slots === undefined) {
      const arrivals = new Arrivals(this.#contenders, partition)
      return () => this.#id(arrivals.next())
    }
    const start = partition * depth
    if (slots[start] === 0) {
      const arrivals = new Arrivals(this.#contenders, partition)
      for (let rank = 0; rank < this.#known; rank++) slots[start + rank] = (arrivals.next() as number) + 1
    }
    let rank = 0
    let further: Arrivals | undefined
    return () => {
      if (rank < this.#known) return this.#id((slots[start + rank++] as number) - 1)
      if (further === undefined) {
        further = new Arrivals(this.#contenders, partition)
        for (let passed = 0; passed < this.#known; passed++) further.next()
      }
      return this.#id(further.next())
    }
  }

  #remembering(): Uint16Array | undefined {
    this.#questions += this.#contenders.length
    if (this.#questions > partitions) this.#slots = new Uint16Array(partitions * depth)
    return this.#slots
  }

  #id(slot: number | undefined): string | undefined {
    return slot === undefined ? undefined : this.#contenders[slot]?.id
  }
}
