import type { ReadonlyRing, RingArc } from '../../ring/index.js'

/** A node of a {@link RendezvousRing}. */
export interface RingNode {
  readonly id: string
  readonly weight: number
}

/**
 * A ring for tests that owes nothing to `HashRing`: owners by rendezvous hashing (Thaler and
 * Ravishankar, 1996), which also moves only the ideal share. A weight counts as that many tickets.
 */
export class RendezvousRing implements ReadonlyRing {
  readonly #nodes: readonly RingNode[]
  readonly #tickets: readonly { readonly id: string; readonly salt: number }[]
  readonly #found = new Map<number, Map<string, string[]>>()
  /** Every peer of a test asks how the same two rings differ. */
  readonly #differences = new WeakMap<ReadonlyRing, RingArc[]>()
  readonly digest: string

  constructor(nodes: readonly RingNode[]) {
    this.#nodes = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))
    this.#tickets = this.#nodes.flatMap(({ id, weight }) =>
      Array.from({ length: Math.ceil(weight) }, (_, ticket) => ({ id, salt: hash(`${ticket}/${id}`, 0) })),
    )
    const text = this.#nodes.map(({ id, weight }) => `${id}=${weight}`).join()
    this.digest = hash(text, 0).toString(16).padStart(8, '0') + hash(text, 1).toString(16).padStart(8, '0')
  }

  get size(): number {
    return this.#nodes.length
  }

  nodes(): RingNode[] {
    return this.#nodes.slice()
  }

  has(id: string): boolean {
    return this.#nodes.some((node) => node.id === id)
  }

  owner(key: string | Uint8Array): string | undefined {
    return this.owners(key, 1)[0]
  }

  owners(key: string | Uint8Array, count: number, spread?: (id: string) => string): string[] {
    // Nothing changes in a ring, and tests ask for few keys very often.
    const kind = spread === undefined ? 2 * count : 2 * count + 1
    let found = this.#found.get(kind)
    if (found === undefined) {
      found = new Map()
      this.#found.set(kind, found)
    }
    const name = typeof key === 'string' ? key : key.join()
    let owners = found.get(name)
    if (owners === undefined) {
      owners = this.#find(name, count, spread)
      found.set(name, owners)
    }
    return owners.slice()
  }

  #find(key: string, count: number, spread: ((id: string) => string) | undefined): string[] {
    const point = hash(key, 0)
    const best = new Map<string, number>()
    for (const { id, salt } of this.#tickets) {
      const score = mix(point ^ salt)
      if (score > (best.get(id) ?? -1)) best.set(id, score)
    }
    const ranked = [...best].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([id]) => id)
    if (spread === undefined) return ranked.slice(0, count)
    const taken = new Set<string>()
    const first: string[] = []
    const rest: string[] = []
    for (const id of ranked) {
      const domain = spread(id)
      if (taken.has(domain)) rest.push(id)
      else first.push(id)
      taken.add(domain)
    }
    return [...first, ...rest].slice(0, count)
  }

  share(id: string): number {
    const total = this.#nodes.reduce((sum, node) => sum + Math.ceil(node.weight), 0)
    const own = this.#nodes.find((node) => node.id === id)
    return own === undefined ? 0 : Math.ceil(own.weight) / total
  }

  /** Rendezvous hashing has no arcs; a thousand sampled points stand for them. */
  diff(other: ReadonlyRing): RingArc[] {
    let arcs = this.#differences.get(other)
    if (arcs === undefined) {
      arcs = this.#compared(other)
      this.#differences.set(other, arcs)
    }
    return arcs.slice()
  }

  #compared(other: ReadonlyRing): RingArc[] {
    const samples = 1000
    const arcs: RingArc[] = []
    for (let sample = 0; sample < samples; sample++) {
      const before = this.owner(`sample ${sample}`)
      const after = other.owner(`sample ${sample}`)
      if (before !== after) arcs.push({ from: sample / samples, to: (sample + 1) / samples, before, after })
    }
    return arcs
  }
}

/** FNV-1a (Fowler, Noll, Vo), then the finalizer below, as FNV alone leaves the high bits of short texts alike. */
function hash(text: string, seed: number): number {
  let state = 0x811c9dc5 ^ seed
  for (let index = 0; index < text.length; index++)
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  return mix(state)
}

/** The 32-bit finalizer of MurmurHash3 (Appleby). */
function mix(value: number): number {
  let state = value
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
