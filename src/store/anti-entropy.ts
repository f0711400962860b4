import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { Balancer } from './balancer.js'
import type { Carrier } from './carrier.js'
import { compareAll, compareEvery, compareNext, compareSoon } from './constants.js'
import type { Entry } from './entry.js'
import type { Replica } from './replica.js'
import { branchCount, differences } from './tree.js'

/** Milliseconds that a comparison may wait for an answer. */
const compareTimeout = 5_000

/** How often one peer is asked soon that sees other members yet, or has not sorted its keys. */
const mostAttempts = 3

/**
 * Finds what two owners should both hold and do not: every 10 s one co-owner in turn, sooner after
 * members changed. Compares 64 branches, of those that differ the leaves, and then both offer each
 * other what they hold in the leaves that differ.
 */
export class AntiEntropy {
  readonly #cluster: Cluster
  readonly #replica: Replica
  readonly #balancer: Balancer
  readonly #carrier: Carrier
  #timer: Timer | undefined
  #last: PeerId = ''
  /** With whom to compare soon, one after the other, as members changed, and how often to try still. */
  #due = new Map<PeerId, number>()
  #isClosed = false
  compared = 0
  differed = 0

  constructor(cluster: Cluster, replica: Replica, balancer: Balancer, carrier: Carrier) {
    this.#cluster = cluster
    this.#replica = replica
    this.#balancer = balancer
    this.#carrier = carrier
    cluster.serve('store.compare', ({ view, branch, hashes }, request) => {
      const isComparable = view === cluster.view && balancer.isSorted
      const tree = replica.tree(request.from)
      const own = branch === null ? tree.branches() : tree.leavesOf(branch)
      request.reply({ type: 'store.differences', differing: isComparable ? differences(own, hashes) : null })
    })
    cluster.receive('store.leaves', ({ view, leaves }, from) => {
      if (view === cluster.view) this.#offer(from, new Set(leaves))
    })
    this.#wait(compareEvery)
  }

  /** Compares with everybody soon: a member or the ring changed, so something may have been missed. */
  hurry(): void {
    // From this peer's own place on: all pairs are through after half a round, and nobody is asked by all at once.
    const peers = this.#peers()
    const after = peers.filter((id) => id > this.#cluster.self)
    const inTurn = [...after, ...peers.slice(0, peers.length - after.length)]
    this.#due = new Map(inTurn.map((id) => [id, mostAttempts]))
    this.#timer?.cancel()
    this.#wait(compareSoon)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #wait(delay: number): void {
    if (this.#isClosed) return
    // Peers that started together must not stay in step.
    const jitter = 0.5 + this.#cluster.runtime.random()
    this.#timer = this.#cluster.runtime.timer(delay * jitter, () => this.#next())
  }

  #next(): void {
    const peers = this.#peers()
    const all = Math.max(compareNext, Math.min(compareSoon, compareAll / peers.length))
    const [due] = this.#due
    if (due !== undefined) {
      const [peer, attempts] = due
      this.#due.delete(peer)
      if (!this.#balancer.isSorted) this.#due.set(peer, attempts)
      else if (peers.includes(peer)) this.#compare(peer, () => this.#tryAgain(peer, attempts - 1))
      this.#wait(this.#due.size > 0 ? all : compareEvery)
      return
    }
    this.#wait(compareEvery)
    const peer = peers.find((id) => id > this.#last) ?? peers[0]
    if (peer === undefined || !this.#balancer.isSorted) return
    this.#last = peer
    this.#compare(peer)
  }

  #tryAgain(peer: PeerId, attempts: number): void {
    if (attempts === 0 || this.#due.has(peer)) return
    const isIdle = this.#due.size === 0
    this.#due.set(peer, attempts)
    if (!isIdle) return
    this.#timer?.cancel()
    this.#wait(compareSoon)
  }

  #peers(): PeerId[] {
    const peers: PeerId[] = []
    for (const { id, state } of this.#cluster.members())
      if (id !== this.#cluster.self && state === 'alive' && this.#cluster.ring.has(id)) peers.push(id)
    return peers
  }

  /** @param failed - called where the other could not compare now */
  #compare(peer: PeerId, failed: () => void = () => {}): void {
    this.compared++
    const { view } = this.#cluster
    this.#ask(peer, view, null, (branches) => {
      if (branches === null) {
        failed()
        return
      }
      const leaves: number[] = []
      let open = branches.length
      for (const branch of branches) {
        this.#ask(peer, view, branch, (positions) => {
          for (const position of positions ?? []) leaves.push(branch * branchCount + position)
          if (--open > 0 || leaves.length === 0) return
          this.differed += leaves.length
          this.#cluster.send(peer, { type: 'store.leaves', view, leaves })
          this.#offer(peer, new Set(leaves))
        })
      }
    })
  }

  #ask(
    peer: PeerId,
    view: string,
    branch: number | null,
    then: (differing: readonly number[] | null) => void,
  ): void {
    const tree = this.#replica.tree(peer)
    const hashes = branch === null ? tree.branches() : tree.leavesOf(branch)
    const message: Message = { type: 'store.compare', view, branch, hashes }
    this.#cluster.request(peer, message, compareTimeout, (outcome) => {
      const answer = outcome.kind === 'reply' && outcome.message.type === 'store.differences'
      const differing =
        answer && outcome.message.type === 'store.differences' ? outcome.message.differing : null
      // Where this peer sees other members meanwhile it compares afresh anyway.
      then(view === this.#cluster.view ? differing : [])
    })
  }

  #offer(peer: PeerId, leaves: ReadonlySet<number>): void {
    const entries: Entry[] = []
    for (const entry of this.#replica.entries()) {
      if (!leaves.has(entry.leaf) || !entry.owners.includes(peer)) continue
      if (entry.owners.includes(this.#cluster.self)) entries.push(entry)
    }
    if (entries.length > 0) this.#carrier.carry(peer, entries, () => {})
  }
}
