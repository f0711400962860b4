import { type Contender, isBefore } from './contender.js'

/**
 * The contenders of one partition in the order in which they come to it, one at a time: a binary heap, so
 * that the first few of n cost n steps and not a sort.
 */
export class Arrivals {
  readonly #contenders: readonly Contender[]
  readonly #times: Float64Array
  readonly #heap: Uint16Array
  #size: number

  constructor(contenders: readonly Contender[], partition: number) {
    this.#contenders = contenders
    this.#size = contenders.length
    this.#times = new Float64Array(this.#size)
    this.#heap = new Uint16Array(this.#size)
    for (let slot = 0; slot < this.#size; slot++) {
      this.#times[slot] = this.#at(slot).timeTo(partition)
      this.#heap[slot] = slot
    }
    for (let place = (this.#size >> 1) - 1; place >= 0; place--) this.#sink(place)
  }

  /** The id of the next to come; undefined after the last. */
  next(): string | undefined {
    if (this.#size === 0) return undefined
    const first = this.#heap[0] as number
    this.#heap[0] = this.#heap[--this.#size] as number
    this.#sink(0)
    return this.#at(first).id
  }

  #sink(from: number): void {
    const slot = this.#heap[from] as number
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= this.#size) break
      if (
        child + 1 < this.#size &&
        this.#before(this.#heap[child + 1] as number, this.#heap[child] as number)
      )
        child++
      if (!this.#before(this.#heap[child] as number, slot)) break
      this.#heap[place] = this.#heap[child] as number
      place = child
    }
    this.#heap[place] = slot
  }

  #before(a: number, b: number): boolean {
    return isBefore(this.#at(a), this.#times[a] as number, this.#at(b), this.#times[b] as number)
  }

  #at(slot: number): Contender {
    return this.#contenders[slot] as Contender
  }
}
