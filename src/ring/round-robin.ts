import * as v from 'valibot'
import { checkNames, checkOptions, InvalidOption } from '../errors/index.js'
import { isPlanted } from '../runtime/index.js'
import { keyPosition } from './key-position.js'
import { checkedId, checkedNodes, checkedWeight, type NodeOption } from './node-option.js'

export interface RoundRobinOptions {
  /**
   * `given` (the default): in the order of addition. `hash`: in the order of the ids' positions on the circle,
   * which is the same for everyone who knows the same ids.
   */
  readonly order?: 'given' | 'hash'
}

export interface NextOptions {
  /** Whether a node lets this turn pass. Asked at most once a node. */
  readonly skip?: (id: string) => boolean
}

const optionsSchema = v.strictObject(
  { order: v.optional(v.picklist(['given', 'hash'], "must be 'given' or 'hash'"), 'given') },
  'must be { order }',
)

const nextNames = ['skip']

/** More than the members of any mesh: a bound on one step's work, as `HashRing` has one. */
const mostNodes = 65_535

/** A node and where it stands. */
interface Seat {
  readonly id: string
  readonly weight: number
  /** Its place in the circle of turns, the ids breaking ties; kept for as long as it is there. */
  readonly place: number
  /** The virtual time at which it came, or got its weight. */
  readonly start: number
  /** Turns it has had or let pass since. */
  turns: number
  /** Virtual time from which on its next turn may come: start + turns / weight. */
  mayCome: number
  /** Virtual time at which its next turn is due: start + (turns + 1) / weight. */
  due: number
}

/**
 * Whose turn it is. With equal weights: one after the other, in a circle. With weights: each node as often
 * as its weight demands and never more than one turn ahead or behind, so without bursts: 5, 1 and 1 take turns as
 * a b a a c a a.
 *
 * In a virtual time that passes by 1 / (sum of weights) a turn, the k-th turn of a node may come from start + k / weight on and
 * is due at start + (k + 1) / weight. Of those whose turn may come, the one with the earliest due
 * time has it (Tijdeman, 1980, "The chairman assignment problem"; the same rule as EEVDF scheduling, Stoica and
 * Abdel-Wahab, 1995); the circle decides between equals. A node's place is its own and not an index, so
 * that who comes and goes takes no turn from the others and gives none.
 *
 * @example
 * ```ts
 * const turn = new RoundRobin(['a', 'b', 'c'])
 * turn.next()                                   // 'a'
 * turn.remove('a')
 * turn.next()                                   // 'b'
 * turn.next({ skip: (id) => busy.has(id) })     // 'c', or 'b' where c is busy, or undefined where all are
 * ```
 */
export class RoundRobin {
  /** In the order of the circle. */
  readonly #seats: Seat[] = []
  readonly #byHash: boolean
  #added = 0
  #weight = 0
  /** Virtual time is `#epoch + #steps / #weight`: counting steps keeps it exact under equal weights. */
  #epoch = 0
  #steps = 0
  /** Who had the last turn: still a place in the circle when that node is gone. */
  #last: Seat | undefined
  /** For a planted bug alone. */
  #index = -1

  /** @throws {InvalidOption} for an empty or repeated id, a weight out of range (1e-9 to 1e9), or an unknown order */
  constructor(nodes: Iterable<NodeOption> = [], options: RoundRobinOptions = {}) {
    this.#byHash = checkOptions(optionsSchema, options, 'RoundRobin').order === 'hash'
    for (const [id, weight] of checkedNodes(nodes, mostNodes, 'RoundRobin')) this.#seat(id, weight)
  }

  /**
   * Adds a node; its first turn comes within one circle.
   * @param options - `weight`: from 1e-9 to 1e9; 1 when left out
   * @throws {InvalidOption} for an empty id, one that is there already, or a weight out of range
   */
  add(id: string, options: { readonly weight?: number } = {}): void {
    checkedId(id, 'RoundRobin.add')
    const weight = checkedWeight(options, 'RoundRobin.add')
    if (this.has(id)) throw new InvalidOption('RoundRobin.add.id', id, 'must not be there yet')
    if (this.size === mostNodes)
      throw new InvalidOption('RoundRobin.add.id', id, `must not be past ${mostNodes} nodes`)
    this.#seat(id, weight)
  }

  /** Removes a node. Answers whether it was there. */
  remove(id: string): boolean {
    const index = this.#seats.findIndex((seat) => seat.id === id)
    const seat = this.#seats[index]
    if (seat === undefined) return false
    const now = this.#now()
    this.#seats.splice(index, 1)
    this.#reweigh()
    // What it had not had yet the others had instead, and what it had beyond its part they lacked: time
    // goes on or back by that (the same paper, on clients that leave).
    if (this.#weight > 0) this.#goTo(now + ((now - seat.mayCome) * seat.weight) / this.#weight)
    return true
  }

  /**
   * Gives a node another weight. It keeps its place.
   * @throws {InvalidOption} for a node that is not there, or a weight out of range
   */
  setWeight(id: string, weight: number): void {
    checkedWeight({ weight }, 'RoundRobin.setWeight')
    const index = this.#seats.findIndex((seat) => seat.id === id)
    const seat = this.#seats[index]
    if (seat === undefined) throw new InvalidOption('RoundRobin.setWeight.id', id, 'must be there')
    // What it had waited for its turn counts in proportion to the wait for a turn.
    const now = this.#now()
    const waited = (now - seat.mayCome) * seat.weight
    this.#seats[index] = seated(id, weight, seat.place, now - waited / weight)
    this.#reweigh()
  }

  /**
   * Whose turn it is, and moves on. A node that is skipped has let its turn pass: it does not come twice for it later.
   *
   * @returns undefined where there is no node, or all are skipped, and then nothing has moved
   * @throws {InvalidOption} where `skip` is no function, or for another option
   */
  next(options: NextOptions = {}): string | undefined {
    checkNames(options, nextNames, 'RoundRobin.next')
    const { skip } = options
    if (skip !== undefined && typeof skip !== 'function')
      throw new InvalidOption('RoundRobin.next.skip', skip, 'must be a function of an id')
    if (isPlanted('cursor-by-index')) return this.#nextByIndex(skip)
    const now = this.#now()
    const from = this.#afterLast()
    let skipped: Seat[] | undefined
    let best: Seat | undefined
    const size = this.#seats.length
    for (let step = 0; step < size; step++) {
      const index = from + step
      const seat = this.#seats[index < size ? index : index - size] as Seat
      if (best !== undefined && !isBefore(seat, best, now)) continue
      if (skip === undefined || !skip(seat.id)) best = seat
      else if (skipped === undefined) skipped = [seat]
      else skipped.push(seat)
    }
    if (best === undefined) return undefined
    // Where nobody's turn may come yet, as those are skipped whose turn it would be, time goes on to the first.
    if (best.mayCome > now) this.#goTo(best.mayCome)
    for (const seat of skipped ?? []) if (!isBefore(best, seat, now)) letPass(seat, this.#now())
    pass(best)
    this.#steps++
    this.#last = best
    return best.id
  }

  has(id: string): boolean {
    return this.#seats.some((seat) => seat.id === id)
  }

  /** In the order of the circle. */
  nodes(): { readonly id: string; readonly weight: number }[] {
    return this.#seats.map(({ id, weight }) => ({ id, weight }))
  }

  get size(): number {
    return this.#seats.length
  }

  #seat(id: string, weight: number): void {
    const place = this.#byHash ? keyPosition(id) : this.#added
    this.#added++
    const seat = seated(id, weight, place, this.#now())
    this.#seats.splice(this.#firstPast(seat), 0, seat)
    this.#reweigh()
  }

  #now(): number {
    return this.#weight === 0 ? this.#epoch : this.#epoch + this.#steps / this.#weight
  }

  #goTo(time: number): void {
    this.#epoch = time
    this.#steps = 0
  }

  #reweigh(): void {
    this.#goTo(this.#now())
    this.#weight = 0
    for (const { weight } of this.#seats) this.#weight += weight
  }

  #afterLast(): number {
    return this.#last === undefined ? 0 : this.#firstPast(this.#last) % Math.max(1, this.size)
  }

  /** The index of the first seat past a place in the circle. */
  #firstPast({ place, id }: Seat): number {
    let low = 0
    let high = this.#seats.length
    while (low < high) {
      const middle = (low + high) >> 1
      const seat = this.#seats[middle] as Seat
      if (seat.place < place || (seat.place === place && seat.id <= id)) low = middle + 1
      else high = middle
    }
    return low
  }

  #nextByIndex(skip: ((id: string) => boolean) | undefined): string | undefined {
    for (let tries = 0; tries < this.size; tries++) {
      this.#index = (this.#index + 1) % this.size
      const { id } = this.#seats[this.#index] as Seat
      if (!skip?.(id)) return id
    }
    return undefined
  }
}

function seated(id: string, weight: number, place: number, start: number): Seat {
  return { id, weight, place, start, turns: 0, mayCome: start, due: start + 1 / weight }
}

/** Counts a turn, had or let pass. From the whole number of turns, so that no error of rounding adds up. */
function pass(seat: Seat): void {
  seat.turns++
  seat.mayCome = seat.due
  seat.due = seat.start + (seat.turns + 1) / seat.weight
}

/** Counts the turns that a node let pass up to `now`: at least this one, and all that are overdue, so that it has no arrears. */
function letPass(seat: Seat, now: number): void {
  pass(seat)
  if (seat.due > now) return
  seat.turns = Math.floor((now - seat.start) * seat.weight) - 1
  seat.due = seat.start + (seat.turns + 1) / seat.weight
  pass(seat)
}

/** Whether `a` goes before `b` at the time `now`; false where the circle decides. */
function isBefore(a: Seat, b: Seat, now: number): boolean {
  const early = Math.max(a.mayCome, now)
  const late = Math.max(b.mayCome, now)
  return early < late || (early === late && a.due < b.due)
}
