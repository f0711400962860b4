import type { Member, MembershipMessage } from '../membership/index.js'
import type { VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { lieAbout, liesOfHostile, madeUpMembership } from './hostile-frames.js'
import type { Judge } from './invariant.js'
import { type Belief, MembershipNode } from './membership-node.js'
import { MembershipServer } from './membership-server.js'
import { Mistakes } from './mistakes.js'
import { type Interference, Network } from './network.js'
import type { ThawOrder, TimerMode } from './node-runtime.js'
import { Pages, type WorldOptions } from './pages.js'
import type { World } from './world.js'

/** A change of what one node believes of another. */
export interface BeliefChange {
  readonly observer: MembershipNode
  readonly subject: PeerId
  /** The node of that id; undefined when there never was one. */
  readonly node: MembershipNode | undefined
  readonly now: Belief
  readonly before: Belief | undefined
}

export interface MembershipWorldOptions extends WorldOptions<MembershipWorld> {
  /** Whether nodes keep rings and turns; without them the run is of membership alone. Default: true. */
  readonly hasRings?: boolean
}

/** Milliseconds a page takes to be ready after it joined: links, then its share of the state. */
const joiningTime = 500

/** Milliseconds for which nothing is promised of two pages whose link and whose relay are both down. */
const apartFor = 60_000

/** Milliseconds after a peer's last frame until its channels are seen to be closed. DESIGN.md: 20 to 30 ms. */
const closeNoticed = 25

/**
 * A cluster of pages that run membership over the simulated network, with a signalling server
 * that introduces them and sees their sockets close. Messages travel as objects: the codec is not
 * part of this world.
 */
export class MembershipWorld implements World {
  readonly time: VirtualTime
  readonly network: Network<MembershipMessage>
  /** Peers that were introduced and never existed. */
  ghosts = 0
  /** Set while frames of chance's making are about, and after: incarnations may be anything. */
  wasHostile = false
  readonly changes: BeliefChange[] = []
  readonly #options: MembershipWorldOptions
  readonly #pages: Pages<MembershipNode, MembershipWorld>
  readonly #severed = new Set<number>()
  readonly #server: MembershipServer
  readonly #mistakes = new Mistakes()
  #arrivals = 0
  /** Until when nothing is promised of anybody, those included that come meanwhile. */
  #allExcusedUntil = 0

  constructor(options: MembershipWorldOptions) {
    this.#options = options
    this.time = options.time
    this.#pages = new Pages<MembershipNode, MembershipWorld>(this, options)
    this.network = new Network(options.time, options.hash, options.seed, options.network)
    this.#server = new MembershipServer(options.time, options.seed)
  }

  /** Pairs of a living node and a subject of whom it believes what is not so; 0 when all views are right. */
  get mistakes(): number {
    return this.#mistakes.count
  }

  get nodes(): readonly MembershipNode[] {
    return this.#pages.all
  }

  node(id: PeerId): MembershipNode | undefined {
    return this.#pages.get(id)
  }

  up(): number[] {
    return this.#pages.up().map(({ number }) => number)
  }

  interfere(interference: Interference): () => void {
    return this.network.interfere(interference)
  }

  cut(isCut: (from: number, to: number) => boolean): () => void {
    return this.network.interfere((from, to, fate) => {
      if (isCut(from, to)) fate.isDropped = true
    })
  }

  /** Hands the changes of the last event to the judge. */
  judge(judge: Judge<MembershipWorld, BeliefChange>): void {
    for (const change of this.changes) judge.changed(change)
    this.changes.length = 0
  }

  join(name: string): void {
    const { hasRings = true } = this.#options
    const page = this.#pages.create(name)
    const node = new MembershipNode({
      ...page,
      networkChance: this.network.chanceFor(name),
      hasRing: hasRings,
      events: {
        send: (from, to, message) => this.#send(from, to, message),
        sendRelayed: (from, to, message) => this.#sendRelayed(from, to, message),
        changed: (observer, member) => this.#changed(observer, member),
      },
    })
    node.excusedUntil = this.#allExcusedUntil
    this.#pages.add(node)
    // A newcomer is unknown to all and all to it until they are introduced.
    for (const other of this.nodes) {
      this.#mistakes.review(other, node)
      this.#mistakes.review(node, other)
    }
    node.membership.start()
    this.#server.connect(node)
    page.runtime.timer(joiningTime, () => {
      if (node.page !== 'joining') return
      node.membership.ready()
      this.#setPage(node, 'shown')
    })
  }

  crash(number: number, isHinted: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined) return
    this.#remove(node)
    if (isHinted) this.#server.socketCloses(node)
    else this.#server.forget(node)
  }

  close(number: number, saysLeft: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined) return
    if (saysLeft && !node.runtime.isFrozen) node.membership.left()
    this.#remove(node)
    this.#server.socketCloses(node)
    for (const other of this.nodes) {
      if (other.page === 'gone' || this.#isSevered(node, other)) continue
      other.runtime.later(closeNoticed, () => other.membership.hint(node.info.id))
    }
  }

  leave(number: number): void {
    const node = this.#pages.living(number)
    if (node === undefined || node.page === 'leaving' || node.runtime.isFrozen) return
    node.membership.leaving()
    this.#setPage(node, 'leaving')
    this.time.timer(2_000, () => this.close(number, true))
  }

  hide(number: number): void {
    const node = this.#pages.living(number)
    if (node === undefined || node.page !== 'shown' || node.runtime.isFrozen) return
    node.membership.park()
    node.runtime.setTimerMode('second')
    this.#setPage(node, 'hidden')
  }

  show(number: number): void {
    const node = this.#pages.living(number)
    if (node === undefined || node.page !== 'hidden' || node.runtime.isFrozen) return
    node.runtime.setTimerMode('exact')
    node.membership.unpark()
    node.membership.woke()
    this.#setPage(node, 'shown')
  }

  freeze(number: number): void {
    this.#pages.living(number)?.runtime.freeze()
  }

  thaw(number: number, order: ThawOrder, isTold: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined || !node.runtime.isFrozen) return
    node.runtime.thaw(order)
    if (isTold) node.membership.woke()
  }

  setTimerMode(number: number, mode: TimerMode): void {
    this.#pages.living(number)?.runtime.setTimerMode(mode)
  }

  jumpWallClock(number: number, milliseconds: number): void {
    this.#pages.living(number)?.runtime.jumpWallClock(milliseconds)
  }

  failLink(a: number, b: number): void {
    const [one, other] = [this.#pages.living(a), this.#pages.living(b)]
    this.#severed.add(pair(a, b))
    if (one === undefined || other === undefined) return
    one.runtime.later(closeNoticed, () => one.membership.hint(other.info.id))
    other.runtime.later(closeNoticed, () => other.membership.hint(one.info.id))
  }

  restoreLink(a: number, b: number): void {
    this.#severed.delete(pair(a, b))
  }

  serverDown(): void {
    this.#server.down()
  }

  serverUp(): void {
    this.#server.up(this.nodes)
  }

  lieAbout(number: number): void {
    const node = this.nodes[number]
    if (node !== undefined && this.#server.isUp) this.#server.hint(node.info.id)
  }

  introduceGhost(name: string): void {
    if (!this.#server.isUp) return
    this.ghosts++
    this.#server.introduce(this.#pages.ghost(name).id)
  }

  sendHostile(from: number, to: number, chance: () => number): void {
    const sender = this.#pages.living(from)
    const receiver = this.#pages.living(to)
    if (sender === undefined || receiver === undefined || sender.runtime.isFrozen) return
    this.wasHostile = true
    if (chance() < liesOfHostile) {
      const about = this.nodes[Math.floor(chance() * this.nodes.length)] as MembershipNode
      this.network.send(sender, receiver, lieAbout(about.info, chance))
      return
    }
    const ids = this.nodes.map(({ info }) => info.id)
    const message = madeUpMembership(ids, chance)
    if (message !== undefined) this.network.send(sender, receiver, message)
  }

  /** There are no sessions here that it could have broken. */
  endHostile(): void {}

  excuse(milliseconds: number, numbers?: readonly number[]): void {
    const until = this.time.now + milliseconds
    if (numbers === undefined) this.#allExcusedUntil = Math.max(this.#allExcusedUntil, until)
    const nodes = numbers === undefined ? this.nodes : numbers.flatMap((number) => this.nodes[number] ?? [])
    for (const node of nodes) node.excusedUntil = Math.max(node.excusedUntil, until)
  }

  #send(from: MembershipNode, to: PeerId, message: MembershipMessage): void {
    const node = this.#pages.get(to)
    if (node === undefined || node === from) return
    if (this.#severed.size === 0 || !this.#isSevered(from, node)) this.network.send(from, node, message)
    else if (!this.#relay(from, node, message)) this.excuse(apartFor, [from.number, node.number])
  }

  #sendRelayed(from: MembershipNode, to: PeerId, message: MembershipMessage): void {
    const node = this.#pages.get(to)
    if (node !== undefined && node !== from) this.#relay(from, node, message)
  }

  /** By way of the server, to which a session changes over while its link is broken. */
  #relay(from: MembershipNode, to: MembershipNode, message: MembershipMessage): boolean {
    const canRelay = this.#server.relays(from, to)
    if (canRelay) this.network.send(from, to, message)
    return canRelay
  }

  #remove(node: MembershipNode): void {
    node.membership.stop()
    node.runtime.stop()
    this.#setPage(node, 'gone')
  }

  #isSevered(a: MembershipNode, b: MembershipNode): boolean {
    return this.#severed.has(pair(a.number, b.number))
  }

  #changed(observer: MembershipNode, member: Member): void {
    const subject = member.id
    const node = this.#pages.get(subject)
    const now: Belief = { state: member.state, incarnation: member.incarnation }
    this.changes.push({ observer, subject, node, now, before: observer.beliefs.get(subject) })
    observer.beliefs.set(subject, now)
    observer.followRing(member, this.#arrivals++)
    if (node !== undefined) this.#mistakes.review(observer, node)
  }

  #setPage(node: MembershipNode, page: MembershipNode['page']): void {
    const { page: before } = node
    node.page = page
    for (const other of this.nodes) {
      this.#mistakes.review(other, node)
      if (page === 'gone' && before !== 'gone') this.#mistakes.review(node, other)
    }
  }
}

/** One number for two nodes in any order. */
function pair(a: number, b: number): number {
  return a < b ? a * 65_536 + b : b * 65_536 + a
}
