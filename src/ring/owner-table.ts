import { type Contender, isBefore, stretch } from './contender.js'
import { partitions } from './key-position.js'

/** Stands for "no slot" where slots are mapped to slots. */
const none = 0xffff
/** How many nodes one table can tell apart; `none` is not among them. */
export const mostNodes = none

/** Arrivals a partition, on average, by the time that most partitions have had one: two leave 14 % without. */
const earlyArrivals = 2

/** Past this part of the nodes changed, a table is filled anew rather than adapted. */
const adaptableFraction = 0.25
/** How often the bound on arrivals is measured anew: each time the ring's weight has grown by this factor. */
const horizonGrowth = 2

/** The owner of every partition, for one set of contenders. Immutable, so that rings may share it. */
export class OwnerTable {
  static readonly empty = new OwnerTable([], new Uint16Array(partitions), 0, 0)

  /** By slot; the order of slots is an accident of history and has no effect on anything. */
  readonly contenders: readonly Contender[]
  readonly ids: readonly string[]
  /** The slot of the owner, by partition. */
  readonly slots: Uint16Array
  /** No partition's owner comes to it later than this. */
  readonly #horizon: number
  /** The sum of weights for which the horizon was measured. */
  readonly #horizonWeight: number
  #counts: Uint32Array | undefined

  private constructor(
    contenders: readonly Contender[],
    slots: Uint16Array,
    horizon: number,
    horizonWeight: number,
  ) {
    this.contenders = contenders
    this.ids = contenders.map(({ id }) => id)
    this.slots = slots
    this.#horizon = horizon
    this.#horizonWeight = horizonWeight
  }

  /**
   * The table for `contenders`, of distinct ids.
   * @param near - a table of much the same contenders, which it is then derived from
   */
  static of(contenders: ReadonlyMap<string, Contender>, near: OwnerTable): OwnerTable {
    if (contenders.size === 0) return OwnerTable.empty
    return near.#adapted(contenders) ?? OwnerTable.#filled([...contenders.values()])
  }

  ownerOf(partition: number): string | undefined {
    return this.ids[this.slots[partition] as number]
  }

  /** How many partitions a slot owns. */
  count(slot: number): number {
    if (this.#counts === undefined) {
      const counts = new Uint32Array(Math.max(1, this.contenders.length))
      for (const owner of this.slots) counts[owner] = (counts[owner] as number) + 1
      this.#counts = counts
    }
    return this.#counts[slot] ?? 0
  }

  static #filled(contenders: readonly Contender[]): OwnerTable {
    const slots = new Uint16Array(partitions).fill(none)
    const times = new Float64Array(partitions).fill(Number.POSITIVE_INFINITY)
    // Walking all nodes up to time m / weight brings m arrivals to a partition on average and none to
    // e^-m of them, each of which then costs a question to all n nodes: about ln n is the best m.
    const weight = totalWeight(contenders)
    const until = ((32 - Math.clz32(contenders.length)) * 0.7) / weight
    // Who comes before `soon` is before all who come later, so these are asked only where nobody has come until then.
    const soon = Math.min(until, earlyArrivals / weight)
    const late = new Uint8Array(partitions).fill(1)
    const compete = (from: number, to: number): void => {
      for (const [slot, contender] of contenders.entries()) {
        walk(contender, contender.ranksBefore(from), contender.ranksBefore(to), (partition, rank) => {
          if (late[partition] === 0) return
          const time = contender.timeAt(rank)
          const best = times[partition] as number
          if (time > best) return
          if (time === best && !isBefore(contender, time, at(contenders, slots[partition] as number), best))
            return
          times[partition] = time
          slots[partition] = slot
        })
      }
    }
    compete(0, soon)
    for (let partition = 0; partition < partitions; partition++)
      if (slots[partition] !== none) late[partition] = 0
    compete(soon, until)
    let horizon = 0
    for (let partition = 0; partition < partitions; partition++) {
      let time = times[partition] as number
      if (time === Number.POSITIVE_INFINITY) {
        const slot = firstAt(contenders, partition)
        slots[partition] = slot
        time = at(contenders, slot).timeTo(partition)
      }
      if (time > horizon) horizon = time
    }
    return new OwnerTable(contenders, slots, horizon, weight)
  }

  #adapted(wanted: ReadonlyMap<string, Contender>): OwnerTable | undefined {
    if (this.contenders.length === 0) return undefined
    const contenders: Contender[] = []
    /** Those that may take partitions from others: newcomers, and those whose weight was raised. */
    const rising: number[] = []
    /** The new slot of an old one; none where its partitions are open again. */
    const moved = new Uint16Array(this.contenders.length).fill(none)
    let opened = 0
    for (const [slot, before] of this.contenders.entries()) {
      const after = wanted.get(before.id)
      if (after === undefined || after.weight < before.weight) opened++
      else {
        moved[slot] = contenders.length
        if (after.weight > before.weight) rising.push(contenders.length)
      }
      if (after !== undefined) contenders.push(after)
    }
    const known = new Set(this.ids)
    for (const contender of wanted.values()) {
      if (known.has(contender.id)) continue
      rising.push(contenders.length)
      contenders.push(contender)
    }
    if (opened + rising.length > Math.max(1, contenders.length * adaptableFraction)) return undefined

    const slots = this.slots.slice()
    let horizon = this.#horizon
    if (opened > 0) {
      for (let partition = 0; partition < partitions; partition++) {
        let slot = moved[slots[partition] as number] as number
        if (slot === none) {
          slot = firstAt(contenders, partition)
          const time = at(contenders, slot).timeTo(partition)
          if (time > horizon) horizon = time
        }
        slots[partition] = slot
      }
    }
    for (const slot of rising) take(contenders, slots, slot, horizon)

    const weight = totalWeight(contenders)
    if (weight <= this.#horizonWeight * horizonGrowth)
      return new OwnerTable(contenders, slots, horizon, Math.min(this.#horizonWeight, weight))
    return new OwnerTable(contenders, slots, latest(contenders, slots), weight)
  }
}

/** Gives the contender of `slot` every partition that it comes to before the present owner. */
function take(contenders: readonly Contender[], slots: Uint16Array, slot: number, horizon: number): void {
  const contender = at(contenders, slot)
  // Whoever comes at the horizon itself may still be before by its id.
  const ranks = Math.min(partitions, contender.ranksBefore(horizon) + 1)
  walk(contender, 0, ranks, (partition, rank) => {
    const present = at(contenders, slots[partition] as number)
    if (present === contender) return
    if (isBefore(contender, contender.timeAt(rank), present, present.timeTo(partition)))
      slots[partition] = slot
  })
}

const walked = new Int32Array(stretch)

/** Visits what a contender comes to from one rank to before another, in the order of its arrivals. */
function walk(
  contender: Contender,
  from: number,
  to: number,
  visit: (partition: number, rank: number) => void,
): void {
  for (let start = from; start < to; start += stretch) {
    contender.partitionsFrom(start, walked)
    const count = Math.min(stretch, to - start)
    for (let index = 0; index < count; index++) visit(walked[index] as number, start + index)
  }
}

/** The slot of the one that comes first to a partition; 0 where there are none. */
export function firstAt(contenders: readonly Contender[], partition: number): number {
  let first = 0
  let earliest = Number.POSITIVE_INFINITY
  for (let slot = 0; slot < contenders.length; slot++) {
    const contender = at(contenders, slot)
    const time = contender.timeTo(partition)
    if (
      time < earliest ||
      (time === earliest && isBefore(contender, time, at(contenders, first), earliest))
    ) {
      earliest = time
      first = slot
    }
  }
  return first
}

function latest(contenders: readonly Contender[], slots: Uint16Array): number {
  let result = 0
  for (let partition = 0; partition < partitions; partition++) {
    const time = at(contenders, slots[partition] as number).timeTo(partition)
    if (time > result) result = time
  }
  return result
}

function totalWeight(contenders: readonly Contender[]): number {
  let sum = 0
  for (const { weight } of contenders) sum += weight
  return sum
}

function at(contenders: readonly Contender[], slot: number): Contender {
  return contenders[slot] as Contender
}
