import { settings } from './settings.js'

/** How urgent a task is. High ones come first, and yet low ones keep coming. */
export type TaskPriority = 'high' | 'normal' | 'low'

export const taskPriorities: readonly TaskPriority[] = ['high', 'normal', 'low']

/** What may wait in a {@link PriorityQueue}. The queue owns `queued`; read it, do not set it. */
export interface Queueable {
  readonly priority: TaskPriority
  queued: boolean
}

/**
 * Three first-in first-out rows, of which none starves: while several have entries, turns are
 * shared 16 : 4 : 1 by smooth weighted round-robin (nginx, 2012), so that even one low task among
 * endless high ones has its turn within 21.
 */
export class PriorityQueue<T extends Queueable> {
  readonly #rows = new Map(taskPriorities.map((priority) => [priority, new Row<T>()]))
  readonly #balance = new Map(taskPriorities.map((priority) => [priority, 0]))
  #size = 0

  get size(): number {
    return this.#size
  }

  push(entry: T): void {
    entry.queued = true
    this.#size++
    this.#rows.get(entry.priority)?.push(entry)
  }

  /** Puts an entry before all others of its priority: it has waited already. */
  pushFirst(entry: T): void {
    entry.queued = true
    this.#size++
    this.#rows.get(entry.priority)?.pushFirst(entry)
  }

  /** Takes an entry out, wherever it stands; false when it is not here. */
  remove(entry: T): boolean {
    if (!entry.queued) return false
    entry.queued = false
    this.#size--
    this.#rows.get(entry.priority)?.removed()
    return true
  }

  /** The entry whose turn it is. */
  shift(): T | undefined {
    let turn: TaskPriority | undefined
    let most = Number.NEGATIVE_INFINITY
    let shares = 0
    for (const priority of taskPriorities) {
      if (this.#rows.get(priority)?.isEmpty !== false) continue
      const share = settings.priorityShares[priority]
      const balance = (this.#balance.get(priority) ?? 0) + share
      this.#balance.set(priority, balance)
      shares += share
      if (balance > most) {
        most = balance
        turn = priority
      }
    }
    if (turn === undefined) return undefined
    this.#balance.set(turn, most - shares)
    const entry = this.#rows.get(turn)?.shift()
    if (entry !== undefined) {
      entry.queued = false
      this.#size--
    }
    return entry
  }

  /** All entries, in no promised order; the queue is empty then. */
  drain(): T[] {
    const entries: T[] = []
    for (let entry = this.shift(); entry !== undefined; entry = this.shift()) entries.push(entry)
    return entries
  }
}

/** Entries that were removed stay in the row, with `queued` false, until they come up or are swept. */
class Row<T extends Queueable> {
  #entries: (T | undefined)[] = []
  #head = 0
  #removed = 0

  get isEmpty(): boolean {
    return this.#entries.length - this.#head - this.#removed === 0
  }

  push(entry: T): void {
    this.#entries.push(entry)
  }

  pushFirst(entry: T): void {
    if (this.#head > 0) this.#entries[--this.#head] = entry
    else this.#entries.unshift(entry)
  }

  removed(): void {
    this.#removed++
    if (this.#removed * 2 > this.#entries.length - this.#head) {
      this.#entries = this.#entries.slice(this.#head).filter((entry) => entry?.queued)
      this.#head = 0
      this.#removed = 0
    }
  }

  shift(): T | undefined {
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head]
      this.#entries[this.#head++] = undefined
      // Half of the array is enough waste; copying then costs a constant for each entry.
      if (this.#head * 2 > this.#entries.length) {
        this.#entries = this.#entries.slice(this.#head)
        this.#head = 0
      }
      if (entry?.queued) return entry
      this.#removed--
    }
    return undefined
  }
}
