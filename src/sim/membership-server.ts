import { seededRandom, type VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { nearDelay } from './delays.js'
import type { MembershipNode } from './membership-node.js'

/** Milliseconds after which a page comes back to a server that was restarted, at most: its backoff. */
const reconnectTime = 3_000

/** The signalling server of a membership world: introduces the pages to each other and sees their sockets close. */
export class MembershipServer {
  readonly #time: VirtualTime
  readonly #chance: () => number
  readonly #connected = new Set<MembershipNode>()
  #isUp = true

  constructor(time: VirtualTime, seed: string | number) {
    this.#time = time
    this.#chance = seededRandom(`${seed}/server`)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Whether it can carry messages between two pages. */
  relays(a: MembershipNode, b: MembershipNode): boolean {
    return this.#isUp && this.#connected.has(a) && this.#connected.has(b)
  }

  /** A page's socket to the server opens: it learns who is there, and they learn of it. */
  connect(node: MembershipNode): void {
    if (!this.#isUp || node.page === 'gone' || this.#connected.has(node)) return
    for (const other of this.#connected) {
      node.runtime.later(this.#delay(), () => node.membership.introduce(other.info.id))
      other.runtime.later(this.#delay(), () => other.membership.introduce(node.info.id))
    }
    this.#connected.add(node)
  }

  /** A page is gone, and the server never sees its socket close. */
  forget(node: MembershipNode): void {
    this.#connected.delete(node)
  }

  socketCloses(node: MembershipNode): void {
    if (this.#connected.delete(node)) this.hint(node.info.id)
  }

  /** Says to all that a socket closed. */
  hint(id: PeerId): void {
    for (const node of this.#connected) {
      if (node.info.id !== id) node.runtime.later(this.#delay(), () => node.membership.hint(id))
    }
  }

  /** Says to all that a peer is there. */
  introduce(id: PeerId): void {
    for (const node of this.#connected) {
      node.runtime.later(this.#delay(), () => node.membership.introduce(id))
    }
  }

  down(): void {
    this.#isUp = false
    this.#connected.clear()
  }

  /** @param nodes - those that will come back, each in its time */
  up(nodes: readonly MembershipNode[]): void {
    if (this.#isUp) return
    this.#isUp = true
    for (const node of nodes) {
      if (node.page === 'gone') continue
      this.#time.timer(this.#chance() * reconnectTime, () => this.connect(node))
    }
  }

  #delay(): number {
    return 20 + nearDelay(this.#chance) * 20
  }
}
