import type { Member, MembershipMessage } from '../membership/index.js'
import { seededRandom, type VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { nearDelay } from './delays.js'
import { lieAbout, liesOfHostile, madeUpMembership } from './hostile-frames.js'
import type { Judge } from './invariant.js'
import { type Belief, MembershipNode } from './membership-node.js'
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

/** Milliseconds after which a page comes back to a server that was restarted, at most: its backoff. */
const reconnectTime = 3_000

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
  /** Pairs of a living node and a subject of whom it believes what is not so; 0 when all views are right. */
  mistakes = 0
  /** Peers that were introduced and never existed. */
  ghosts = 0
  /** Set while frames of chance's making are about, and after: incarnations may be anything. */
  wasHostile = false
  readonly changes: BeliefChange[] = []
  readonly #options: MembershipWorldOptions
  readonly #pages: Pages<MembershipNode, MembershipWorld>
  readonly #severed = new Set<number>()
  readonly #serverChance: () => number
  readonly #connected = new Set<number>()
  #isServerUp = true
  #arrivals = 0
  /** Until when nothing is promised of anybody, those included that come meanwhile. */
  #allExcusedUntil = 0

  constructor(options: MembershipWorldOptions) {
    this.#options = options
    this.time = options.time
    this.#pages = new Pages<MembershipNode, MembershipWorld>(this, options)
    this.network = new Network(options.time, options.hash, options.seed, options.network)
    this.#serverChance = seededRandom(`${options.seed}/server`)
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
      this.#review(other, node)
      this.#review(node, other)
    }
    node.membership.start()
    this.#connect(node)
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
    if (isHinted) this.#socketCloses(node)
    else this.#connected.delete(number)
  }

  close(number: number, saysLeft: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined) return
    if (saysLeft && !node.runtime.isFrozen) node.membership.left()
    this.#remove(node)
    this.#socketCloses(node)
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
    this.#isServerUp = false
    this.#connected.clear()
  }

  serverUp(): void {
    if (this.#isServerUp) return
    this.#isServerUp = true
    for (const node of this.nodes) {
      if (node.page === 'gone') continue
      this.time.timer(this.#serverChance() * reconnectTime, () => this.#connect(node))
    }
  }

  lieAbout(number: number): void {
    const node = this.nodes[number]
    if (node !== undefined && this.#isServerUp) this.#hintAll(node.info.id)
  }

  introduceGhost(name: string): void {
    if (!this.#isServerUp) return
    this.ghosts++
    const ghost = this.#pages.ghost(name)
    for (const number of this.#connected) {
      const node = this.nodes[number] as MembershipNode
      node.runtime.later(this.#serverDelay(), () => node.membership.introduce(ghost.id))
    }
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
    const canRelay = this.#isServerUp && this.#connected.has(from.number) && this.#connected.has(to.number)
    if (canRelay) this.network.send(from, to, message)
    return canRelay
  }

  #remove(node: MembershipNode): void {
    node.membership.stop()
    node.runtime.stop()
    this.#setPage(node, 'gone')
  }

  #serverDelay(): number {
    return 20 + nearDelay(this.#serverChance) * 20
  }

  /** A page's socket to the server opens: it learns who is there, and they learn of it. */
  #connect(node: MembershipNode): void {
    if (!this.#isServerUp || node.page === 'gone' || this.#connected.has(node.number)) return
    for (const number of this.#connected) {
      const other = this.nodes[number] as MembershipNode
      node.runtime.later(this.#serverDelay(), () => node.membership.introduce(other.info.id))
      other.runtime.later(this.#serverDelay(), () => other.membership.introduce(node.info.id))
    }
    this.#connected.add(node.number)
  }

  #socketCloses(node: MembershipNode): void {
    if (this.#connected.delete(node.number)) this.#hintAll(node.info.id)
  }

  #hintAll(id: PeerId): void {
    for (const number of this.#connected) {
      const node = this.nodes[number] as MembershipNode
      if (node.info.id !== id) node.runtime.later(this.#serverDelay(), () => node.membership.hint(id))
    }
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
    followRing(observer, member, this.#arrivals++)
    if (node !== undefined) this.#review(observer, node)
  }

  #setPage(node: MembershipNode, page: MembershipNode['page']): void {
    const { page: before } = node
    node.page = page
    for (const other of this.nodes) {
      this.#review(other, node)
      if (page === 'gone' && before !== 'gone') this.#review(node, other)
    }
  }

  /** Counts again whether what `observer` believes of `subject` is so. */
  #review(observer: MembershipNode, subject: MembershipNode): void {
    const isWrong =
      observer !== subject &&
      observer.page !== 'gone' &&
      !isTrue(observer.beliefs.get(subject.info.id), subject)
    const wasWrong = observer.wrong[subject.number] === true
    if (isWrong === wasWrong) return
    observer.wrong[subject.number] = isWrong
    this.mistakes += isWrong ? 1 : -1
  }
}

/** Keeps a node's ring and turns as the mesh keeps them: one change at a time, in the order it heard of them. */
function followRing(node: MembershipNode, { id, weight, state }: Member, arrival: number): void {
  const { ring, turns, arrivals } = node
  if (ring === undefined || turns === undefined) return
  const isIn = weight > 0 && holdsState(state)
  if (arrivals.has(id) === isIn) return
  if (isIn) {
    ring.add(id, { weight })
    turns.add(id)
    arrivals.set(id, arrival)
  } else {
    ring.remove(id)
    turns.remove(id)
    arrivals.delete(id)
  }
}

/** One number for two nodes in any order. */
function pair(a: number, b: number): number {
  return a < b ? a * 65_536 + b : b * 65_536 + a
}

/** Whether a member in this state holds ranges; as the mesh's ring has it. */
function holdsState(state: Member['state']): boolean {
  return state === 'alive' || state === 'suspect' || state === 'leaving'
}

function isTrue(belief: Belief | undefined, { page }: MembershipNode): boolean {
  switch (page) {
    case 'joining':
      return belief?.state === 'joining' || belief?.state === 'alive'
    case 'shown':
      return belief?.state === 'alive'
    case 'hidden':
      return belief?.state === 'parked'
    case 'leaving':
      return belief?.state === 'leaving'
    case 'gone':
      return belief === undefined || belief.state === 'dead' || belief.state === 'left'
  }
}
