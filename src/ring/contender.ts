import { hash, partitionBits, partitions } from './key-position.js'

const mask = partitions - 1
/** At least half of the bits, so that `x ^ (x >>> shift)` undoes itself. */
const shift = (partitionBits + 1) >> 1

/** Ranks that share a segment of {@link waits}: few enough that the curve is straight between its ends. */
const segmentBits = 5
const ranksPerSegment = 2 ** segmentBits
/** Ranks that are walked at a time: so many that the call costs nothing, so few that they stay in the first cache. */
export const stretch = 256
const segments = partitions / ranksPerSegment
/**
 * The inverse of the exponential distribution, −ln(1 − u), at u = 0, 1/segments, …, 1: as the expected
 * order statistics of that many exponential variables, 1/n + 1/(n−1) + … (Rényi, 1953). Sums and quotients
 * are the same on every engine, and `Math.log` is not.
 */
const waits = new Float64Array(segments + 1)
for (let index = 0; index < segments; index++) {
  waits[index + 1] = (waits[index] as number) + 1 / (segments - index)
}

/**
 * One node in its contest for the partitions. It comes to each partition once, at a time of its own,
 * and whoever comes first owns it: weighted rendezvous hashing (Thaler and Ravishankar, 1996; Schindelhain
 * and Schomaker, 2005), where arrivals are exponential with the node's weight as rate. So each
 * node wins in proportion to its weight, whatever the others' weights; a newcomer takes partitions from
 * the others and moves none between them; and the second, third, … to come are the next owners.
 *
 * Other than by a hash per partition, the order of its arrivals is a permutation of the partitions
 * keyed by its id. That serves twice. It can be walked from the front, so that a table is filled by
 * the few first arrivals of each node and not by asking all nodes about all partitions. And each node
 * uses each rank exactly once, which takes the node's own half out of the variance of its share.
 */
export class Contender {
  readonly id: string
  readonly weight: number
  readonly #interval: number
  readonly #phase: number
  readonly #multiplier1: number
  readonly #multiplier2: number
  readonly #multiplier3: number
  readonly #inverse1: number
  readonly #inverse2: number
  readonly #inverse3: number
  readonly #offset1: number
  readonly #offset2: number
  readonly #offset3: number

  /** @param name - what its arrivals follow from; other than the id only where a bug is planted */
  constructor(id: string, weight: number, name = id) {
    this.id = id
    this.weight = weight
    this.#interval = 1 / weight
    const [a, b, c, d] = [hash(name, 1), hash(name, 2), hash(name, 3), hash(name, 4)]
    this.#multiplier1 = (a & mask) | 1
    this.#multiplier2 = (b & mask) | 1
    this.#multiplier3 = (c & mask) | 1
    this.#inverse1 = inverse(this.#multiplier1)
    this.#inverse2 = inverse(this.#multiplier2)
    this.#inverse3 = inverse(this.#multiplier3)
    this.#offset1 = a >>> (32 - partitionBits)
    this.#offset2 = b >>> (32 - partitionBits)
    this.#offset3 = c >>> (32 - partitionBits)
    this.#phase = (d >>> 0) / 2 ** 32
  }

  /** The partition that it comes to at `rank`, in [0, partitions). */
  partitionAt(rank: number): number {
    let value = (Math.imul(rank, this.#multiplier1) + this.#offset1) & mask
    value ^= value >>> shift
    value = (Math.imul(value, this.#multiplier2) + this.#offset2) & mask
    value ^= value >>> shift
    value = (Math.imul(value, this.#multiplier3) + this.#offset3) & mask
    return value ^ (value >>> shift)
  }

  /** When it comes to the partition of a rank; later for a later rank. Without unit: only the order counts. */
  timeAt(rank: number): number {
    const segment = rank >>> segmentBits
    const from = waits[segment] as number
    const into = ((rank & (ranksPerSegment - 1)) + this.#phase) / ranksPerSegment
    return (from + into * ((waits[segment + 1] as number) - from)) * this.#interval
  }

  /**
   * The partitions that it comes to from `rank` on, as {@link partitionAt} says, into an array of {@link stretch}
   * entries. For tables, which ask for a million of them.
   */
  partitionsFrom(rank: number, into: Int32Array): void {
    const [multiplier1, multiplier2, multiplier3] = [this.#multiplier1, this.#multiplier2, this.#multiplier3]
    const [offset1, offset2, offset3] = [this.#offset1, this.#offset2, this.#offset3]
    for (let index = 0; index < stretch; index++) {
      let value = (Math.imul(rank + index, multiplier1) + offset1) & mask
      value ^= value >>> shift
      value = (Math.imul(value, multiplier2) + offset2) & mask
      value ^= value >>> shift
      value = (Math.imul(value, multiplier3) + offset3) & mask
      into[index] = value ^ (value >>> shift)
    }
  }

  /** How many ranks it comes to before a time. */
  ranksBefore(time: number): number {
    let low = 0
    let high = partitions
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.timeAt(middle) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  /** When it comes to a partition. */
  timeTo(partition: number): number {
    let value = partition ^ (partition >>> shift)
    value = Math.imul(value - this.#offset3, this.#inverse3) & mask
    value ^= value >>> shift
    value = Math.imul(value - this.#offset2, this.#inverse2) & mask
    value ^= value >>> shift
    return this.timeAt(Math.imul(value - this.#offset1, this.#inverse1) & mask)
  }
}

/** Whether `a`, coming at `timeA`, is before `b`, coming at `timeB`: never both, and never neither of two. */
export function isBefore(a: Contender, timeA: number, b: Contender, timeB: number): boolean {
  return timeA < timeB || (timeA === timeB && a.id < b.id)
}

/** The inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the bits that are right. */
function inverse(odd: number): number {
  let result = odd
  for (let step = 0; step < 4; step++) result = Math.imul(result, 2 - Math.imul(odd, result))
  return result
}
