import { type Contender, isBefore } from './contender.js'

/** How many are ranked at first: most who ask want three, and some of them of different failure domains. */
const firstDepth = 6
/** How many times as many are ranked when those were not enough. */
const growth = 4

/**
 * The contenders of one partition in the order in which they come to it, one at a time. Ranks no more of them than are
 * asked for, or little more: the few first by insertion into a short list, all by sorting.
 */
export class Arrivals {
  readonly #contenders: readonly Contender[]
  readonly #partition: number
  /** Slots, in order, of those ranked so far. */
  #ranked: number[] = []
  #given = 0

  constructor(contenders: readonly Contender[], partition: number) {
    this.#contenders = contenders
    this.#partition = partition
  }

  /** The slot of the next to come; undefined after the last. */
  next(): number | undefined {
    if (this.#given === this.#ranked.length) {
      if (this.#given === this.#contenders.length) return undefined
      this.#ranked = firstFew(this.#contenders, this.#partition, Math.max(firstDepth, this.#given * growth))
    }
    return this.#ranked[this.#given++]
  }
}

const times: number[] = []

/** The slots of the first `depth` to come to a partition, in order. */
function firstFew(contenders: readonly Contender[], partition: number, depth: number): number[] {
  if (depth >= contenders.length) return all(contenders, partition)
  const slots: number[] = []
  let last = Number.POSITIVE_INFINITY
  for (let slot = 0; slot < contenders.length; slot++) {
    const contender = contenders[slot] as Contender
    const time = contender.timeTo(partition)
    if (time > last) continue
    let place = slots.length < depth ? slots.length : depth - 1
    if (
      slots.length === depth &&
      !isBefore(contender, time, contenders[slots[place] as number] as Contender, last)
    )
      continue
    while (place > 0) {
      const other = slots[place - 1] as number
      const otherTime = times[place - 1] as number
      if (!isBefore(contender, time, contenders[other] as Contender, otherTime)) break
      slots[place] = other
      times[place] = otherTime
      place--
    }
    slots[place] = slot
    times[place] = time
    if (slots.length === depth) last = times[depth - 1] as number
  }
  return slots
}

function all(contenders: readonly Contender[], partition: number): number[] {
  const arrivals = contenders.map((contender) => contender.timeTo(partition))
  return contenders
    .map((_, slot) => slot)
    .sort((a, b) => {
      const before = isBefore(
        contenders[a] as Contender,
        arrivals[a] as number,
        contenders[b] as Contender,
        arrivals[b] as number,
      )
      return before ? -1 : 1
    })
}
