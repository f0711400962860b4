import { InvalidOption } from '../errors/index.js'
import { isPlanted } from '../runtime/index.js'
import { chooseOwners } from './choose-owners.js'
import { Contender } from './contender.js'
import { digestOf } from './digest.js'
import { partitionOf, partitions } from './key-position.js'
import { KnownTables } from './known-tables.js'
import { checkedId, checkedNodes, checkedWeight, type NodeOption } from './node-option.js'
import { firstAt, mostNodes, OwnerTable } from './owner-table.js'
import type { ReadonlyRing, RingArc, RingNode, Spread } from './readonly-ring.js'
import { Successors } from './successors.js'

/**
 * A hash ring: says which node owns a key, and which come next, from the nodes' ids and weights alone.
 *
 * The circle of 2^32 positions is cut into {@link partitions} equal arcs, and each arc goes to the node that comes
 * first in a contest of its own, as {@link Contender} tells. Compared with points that each node strews over the
 * circle (Karger et al., 1997; libketama): a hundred equal nodes are balanced as 2,600 points each would balance
 * them, and fewer nodes better than that; weights may be any numbers; a lookup is a hash and one read; and all
 * owners of a key, not the first alone, move as little as they can.
 *
 * - A pure function of ids and weights: additions, removals and their order leave no trace.
 * - A node that comes takes keys, one that goes gives keys, and nothing moves between the others.
 * - A table of owners (256 KiB, however many nodes) is made once enough was asked to be worth it, and adapted from
 *   there on. Rings of the same nodes in one process share it.
 *
 * @example
 * ```ts
 * const ring = new HashRing(['a', { id: 'b', weight: 2 }])
 * ring.add('c')
 * ring.owner('ada')       // 'b'
 * ring.owners('ada', 2)   // ['b', 'a']: a takes over when b goes
 * ```
 */
export class HashRing implements ReadonlyRing {
  readonly #contenders = new Map<string, Contender>()
  /** A table of earlier nodes: what the next one is derived from. */
  #near = OwnerTable.empty
  /** The table of the present nodes; undefined until somebody asks. */
  #table: OwnerTable | undefined
  /** Who follows whom among the present nodes; undefined until somebody asks. */
  #successors: Successors | undefined
  /** The present nodes as a list; undefined until somebody asks. */
  #roster: readonly Contender[] | undefined
  /** What was asked without a table, in questions to one node about one partition. */
  #questions = 0
  #digest: string | undefined
  /** For a planted bug alone: how many nodes were ever added. */
  #additions = 0

  /**
   * @param nodes - at most 65,535, with weights from 1e-9 to 1e9
   * @throws {InvalidOption} for an empty or repeated id or a weight out of range
   */
  constructor(nodes: Iterable<NodeOption> = []) {
    for (const [id, weight] of checkedNodes(nodes, mostNodes, 'HashRing')) this.#set(id, weight)
  }

  /**
   * Adds a node.
   * @param options - `weight`: from 1e-9 to 1e9; 1 when left out
   * @throws {InvalidOption} for an empty id, one that is there already, a weight out of range, or a node too many
   */
  add(id: string, options: { readonly weight?: number } = {}): void {
    checkedId(id, 'HashRing.add')
    const weight = checkedWeight(options, 'HashRing.add')
    if (this.has(id)) throw new InvalidOption('HashRing.add.id', id, 'must not be in the ring yet')
    if (this.size === mostNodes)
      throw new InvalidOption('HashRing.add.id', id, `must not be past ${mostNodes} nodes`)
    this.#set(id, weight)
  }

  /** Removes a node. Answers whether it was there. */
  remove(id: string): boolean {
    const removed = this.#contenders.delete(id)
    if (removed) this.#forget()
    return removed
  }

  /**
   * Gives a node another weight.
   * @throws {InvalidOption} for a node that is not there, or a weight out of range
   */
  setWeight(id: string, weight: number): void {
    checkedWeight({ weight }, 'HashRing.setWeight')
    const present = this.#contenders.get(id)
    if (present === undefined) throw new InvalidOption('HashRing.setWeight.id', id, 'must be in the ring')
    if (weight !== present.weight) this.#set(id, weight)
  }

  /** A ring of the same nodes that changes apart from this one. Copies a list; the table stays shared. */
  clone(): HashRing {
    const copy = new HashRing()
    for (const [id, contender] of this.#contenders) copy.#contenders.set(id, contender)
    copy.#near = this.#near
    copy.#table = this.#table
    copy.#successors = this.#successors
    copy.#digest = this.#digest
    copy.#additions = this.#additions
    return copy
  }

  /**
   * A ring of exactly these nodes, its table derived from this one's; this ring itself where nothing differs.
   * For whoever keeps rings as values and learns its nodes as lists.
   *
   * @throws {InvalidOption} as the constructor does
   *
   * @example
   * ```ts
   * const before = this.ring
   * this.ring = before.with(members)
   * if (this.ring !== before) emit({ before, moved: before.moved(this.ring) })
   * ```
   */
  with(nodes: Iterable<NodeOption>): HashRing {
    const wanted = checkedNodes(nodes, mostNodes, 'HashRing.with')
    let result: HashRing | undefined
    for (const id of this.#contenders.keys()) {
      if (wanted.has(id)) continue
      result ??= this.clone()
      result.remove(id)
    }
    for (const [id, weight] of wanted) {
      if (this.#contenders.get(id)?.weight === weight) continue
      result ??= this.clone()
      result.#set(id, weight)
    }
    return result ?? this
  }

  owner(key: string | Uint8Array): string | undefined {
    const partition = partitionOf(key)
    return this.#table === undefined ? this.#first(partition) : this.#table.ownerOf(partition)
  }

  owners(key: string | Uint8Array, count: number, spread?: ((id: string) => string) | Spread): string[] {
    return this.#owners(partitionOf(key), count, spread)
  }

  /**
   * The owner of all keys of a partition.
   * @throws {InvalidOption} for a number that is no partition
   */
  ownerOf(partition: number): string | undefined {
    checkPartition(partition)
    return this.#table === undefined ? this.#first(partition) : this.#table.ownerOf(partition)
  }

  /**
   * The owners of all keys of a partition, as {@link owners} of one key.
   * @throws {InvalidOption} for a number that is no partition, or a count that is no whole number
   */
  ownersOf(partition: number, count: number, spread?: ((id: string) => string) | Spread): string[] {
    checkPartition(partition)
    return this.#owners(partition, count, spread)
  }

  nodes(): RingNode[] {
    return [...this.#contenders.values()]
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, weight }) => ({ id, weight }))
  }

  has(id: string): boolean {
    return this.#contenders.has(id)
  }

  get size(): number {
    return this.#contenders.size
  }

  /** 32 hexadecimal digits of the SHA-256 of the ids and weights in the order of the ids. */
  get digest(): string {
    this.#digest ??= digestOf(this.nodes())
    return this.#digest
  }

  share(id: string): number {
    const table = this.#table ?? this.#settle()
    const slot = table.ids.indexOf(id)
    return slot === -1 ? 0 : table.count(slot) / partitions
  }

  /**
   * The arcs whose owner differs in `other`. There may be tens of thousands, as {@link partitions} are many: to know
   * how much moved ask {@link moved}.
   *
   * @throws {InvalidOption} where `other` is no HashRing
   */
  diff(other: ReadonlyRing): RingArc[] {
    const arcs: RingArc[] = []
    let open: { from: number; before: string | undefined; after: string | undefined } | undefined
    this.#compare(other, 'HashRing.diff.other', (partition, before, after) => {
      if (open !== undefined && (before !== open.before || after !== open.after)) {
        arcs.push({ ...open, to: partition / partitions })
        open = undefined
      }
      if (before !== after) open ??= { from: partition / partitions, before, after }
    })
    if (open !== undefined) arcs.push({ ...(open as Omit<RingArc, 'to'>), to: 1 })
    return arcs
  }

  /**
   * The exact fraction of the key space whose owner differs in `other`: the sum over the arcs of {@link diff}.
   * @throws {InvalidOption} where `other` is no HashRing
   */
  moved(other: ReadonlyRing): number {
    let differing = 0
    this.#compare(other, 'HashRing.moved.other', (_, before, after) => {
      if (before !== after) differing++
    })
    return differing / partitions
  }

  #owners(partition: number, count: number, spread: ((id: string) => string) | Spread | undefined): string[] {
    if (!Number.isInteger(count) || count < 0)
      throw new InvalidOption('HashRing.owners.count', count, 'must be a whole number, 0 or more')
    if (count === 1) return this.size === 0 ? [] : [this.ownerOf(partition) as string]
    this.#successors ??= new Successors(this.#contenderList())
    return chooseOwners(this.#successors.of(partition), count, spread)
  }

  /** The owner of a partition, asked of the nodes themselves until so much was asked that a table is worth its making. */
  #first(partition: number): string | undefined {
    const contenders = this.#contenderList()
    this.#questions += contenders.length
    if (this.#questions > questionsOfTable) return this.#settle().ownerOf(partition)
    return contenders[firstAt(contenders, partition)]?.id
  }

  #contenderList(): readonly Contender[] {
    this.#roster ??= [...this.#contenders.values()]
    return this.#roster
  }

  #compare(
    other: ReadonlyRing,
    option: string,
    visit: (partition: number, before: string | undefined, after: string | undefined) => void,
  ): void {
    if (!(other instanceof HashRing)) throw new InvalidOption(option, other, 'must be a HashRing')
    const before = this.#table ?? this.#settle()
    const after = other.#table ?? other.#settle()
    for (let partition = 0; partition < partitions; partition++)
      visit(partition, before.ownerOf(partition), after.ownerOf(partition))
  }

  #set(id: string, weight: number): void {
    const name = isPlanted('ring-insertion-order') ? `${id} ${this.#additions++}` : id
    this.#contenders.set(id, new Contender(id, weight, name))
    this.#forget()
  }

  #forget(): void {
    this.#table = undefined
    this.#successors = undefined
    this.#roster = undefined
    this.#questions = 0
    this.#digest = undefined
  }

  #settle(): OwnerTable {
    // Digests know nothing of the order of additions, which this bug depends on.
    if (isPlanted('ring-insertion-order')) this.#table = OwnerTable.of(this.#contenders, OwnerTable.empty)
    else {
      this.#table = knownTables.get(this.digest) ?? OwnerTable.of(this.#contenders, this.#near)
      knownTables.set(this.digest, this.#table)
    }
    this.#near = this.#table
    return this.#table
  }
}

/**
 * The making of a table takes several times as many questions as there are partitions, so to ask this many one
 * by one before wastes little; and most rings of a peer that only listens are asked less.
 */
const questionsOfTable = partitions

const knownTables = new KnownTables()

function checkPartition(partition: number): void {
  if (!Number.isInteger(partition) || partition < 0 || partition >= partitions)
    throw new InvalidOption('partition', partition, `must be a whole number from 0 to ${partitions - 1}`)
}
