import type { Entry, ShelfLabel } from './entry.js'

/** The keys of one store that this peer holds, whether it has opened the store itself or not. */
export class Shelf implements ShelfLabel {
  readonly name: string
  replicas: number
  readonly entries = new Map<string, Entry>()
  #sorted: string[] | undefined

  constructor(name: string, replicas: number) {
    this.name = name
    this.replicas = replicas
  }

  add(entry: Entry): void {
    this.entries.set(entry.key, entry)
    this.#sorted = undefined
  }

  remove(entry: Entry): void {
    this.entries.delete(entry.key)
    this.#sorted = undefined
  }

  /** The keys in order, by UTF-16 units; computed when asked for and kept until a key comes or goes. */
  get sortedKeys(): readonly string[] {
    this.#sorted ??= [...this.entries.keys()].sort((a, b) => (a < b ? -1 : 1))
    return this.#sorted
  }

  /** The first keys after `after` (from the first on where null) that start with `prefix`, in order. */
  *keysFrom(prefix: string, after: string | null): Generator<string> {
    const keys = this.sortedKeys
    const start = after === null || after < prefix ? prefix : after
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((keys[middle] as string) < start) low = middle + 1
      else high = middle
    }
    for (let index = low; index < keys.length; index++) {
      const key = keys[index] as string
      if (!key.startsWith(prefix)) return
      if (key !== after) yield key
    }
  }
}
