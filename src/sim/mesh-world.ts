import { MemoryNetwork, type Way } from '../links/adapters/memory.js'
import { seededRandom, type VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { Departures } from './departures.js'
import { lieAbout, liesOfHostile, madeUpFrame } from './hostile-frames.js'
import type { Judge } from './invariant.js'
import { type Acknowledged, MeshNode } from './mesh-node.js'
import type { Fate, Interference, NetworkOptions } from './network.js'
import type { ThawOrder, TimerMode } from './node-runtime.js'
import { Pages, type WorldOptions } from './pages.js'
import { ProcessWitness } from './process-witness.js'
import { SnapshotWitness } from './snapshot-witness.js'
import type { TraceHash } from './trace-hash.js'
import { serverNumber, type World } from './world.js'

export type MeshWorldOptions = WorldOptions<MeshWorld>

/** Milliseconds by which a lost packet comes later, as SCTP sends it again: its least time-out (RFC 9260, RTO.Min). */
const resentAfter = 1_000

/** Bytes a millisecond over one link: 2 Mbit/s, so that a long message takes most of a second. */
const linkRate = 250

/** Milliseconds after which the server gives up a socket whose page has vanished. */
const serverTimeout = 30_000

/** Milliseconds that what a closing page said has to get out of it. */
const closingTime = 50

/** Milliseconds by which the timers of a hidden page are late: once a minute. */
const slowestTimer = 60_000

/**
 * A cluster of pages that run all of floors 1 to 4: membership, ring, links with sessions and
 * codec, mesh, sharded state, tasks and processes, over memory links and a signalling server in memory.
 * Links are reliable and in order while they last, as data channels are: what the network loses
 * is late.
 */
export class MeshWorld implements World {
  readonly time: VirtualTime
  readonly acknowledged: Acknowledged[] = []
  readonly witness: ProcessWitness
  readonly departures = new Departures()
  /** From when pages that went could not write anything down any more, until they went. */
  readonly blackouts: { readonly page: PeerId; readonly from: number; readonly until: number }[] = []
  /** What is known of the snapshots of placed processes. */
  readonly snapshots = new SnapshotWitness()
  /** Nodes that sent frames of chance's making. */
  readonly hostile = new Set<PeerId>()
  /** Told of each page that has joined: where more runs in it than it does of its own accord. */
  onJoined: (node: MeshNode) => void = () => {}
  readonly #seed: string | number
  readonly #hash: TraceHash
  readonly #pages: Pages<MeshNode, MeshWorld>
  readonly #network: MemoryNetwork
  readonly #chances = new Map<PeerId, () => number>()
  readonly #interferences: Interference[] = []
  readonly #cuts: ((from: number, to: number) => boolean)[] = []
  readonly #severed = new Set<string>()
  /** Until when nodes are excused, by their numbers, and all of them, those included that come meanwhile. */
  readonly #slowUntil = new Map<number, number>()
  #allSlowUntil = 0
  readonly #fate: Fate = { isDropped: false, delay: 0, extraCopies: 0 }
  #isServerUp = true
  #hasServerLied = false
  #judge: Judge<MeshWorld, never> | undefined
  #network_: NetworkOptions

  constructor(options: MeshWorldOptions) {
    this.#seed = options.seed
    this.#pages = new Pages<MeshNode, MeshWorld>(this, options)
    this.#network_ = options.network
    this.time = options.time
    this.#hash = options.hash
    this.witness = new ProcessWitness(this)
    this.#network = new MemoryNetwork(options.time.runtime('network'), {
      kind: 'direct',
      bytesPerMillisecond: linkRate,
      delay: (from, to, way) => this.#delay(from, to, way),
      passes: (from, to, way) => this.#passes(from, to, way),
      carried: (from, to, bytes) => this.#carried(from, to, bytes),
    })
  }

  /** Whether nothing keeps two pages from reaching each other through the server, nor makes that slow. */
  isServed(one: MeshNode, other: MeshNode): boolean {
    if (!this.#isServerUp || this.#hasServerLied || this.#cuts.length > 0 || this.#interferences.length > 0)
      return false
    return [one, other].every(
      ({ page, runtime, info }) =>
        page === 'shown' && !runtime.isFrozen && runtime.isExact && !this.hostile.has(info.id),
    )
  }

  /** Whom the pages tell what must never happen. */
  judgeBy(judge: Judge<MeshWorld, never>): void {
    this.#judge = judge
  }

  /** Something was looked at that must be right. */
  asked(invariant: string): void {
    this.#judge?.asked(invariant)
  }

  /** Something went wrong that must never go wrong. */
  wrong(invariant: string, explanation: string): void {
    this.#judge?.fail(invariant, explanation)
  }

  /** Loss and delay from now on. */
  setNetwork(options: NetworkOptions): void {
    this.#network_ = options
  }

  get nodes(): readonly MeshNode[] {
    return this.#pages.all
  }

  node(id: PeerId): MeshNode | undefined {
    return this.#pages.get(id)
  }

  /** What a peer is called here. */
  nameOf(id: PeerId): string {
    return this.#pages.get(id)?.name ?? id
  }

  /** Whether either of two has believed the other gone, which ends their session and what was under way in it. */
  wereApart(one: MeshNode | undefined, other: MeshNode | undefined): boolean {
    if (one === undefined || other === undefined) return true
    return one.sawDown.has(other.info.id) || other.sawDown.has(one.info.id)
  }

  living(): MeshNode[] {
    return this.#pages.up()
  }

  up(): number[] {
    return this.living().map(({ number }) => number)
  }

  interfere(interference: Interference): () => void {
    this.#interferences.push(interference)
    return () => void this.#interferences.splice(this.#interferences.indexOf(interference), 1)
  }

  cut(isCut: (from: number, to: number) => boolean): () => void {
    this.#cuts.push(isCut)
    this.#network.refresh()
    return () => {
      this.#cuts.splice(this.#cuts.indexOf(isCut), 1)
      this.#network.refresh()
    }
  }

  join(name: string): void {
    const page = this.#pages.create(name)
    const { id } = page.info
    this.#chances.set(id, seededRandom(`${this.#seed}/network/${name}`))
    const node = new MeshNode({
      ...page,
      seed: this.#seed,
      snapshots: this.snapshots,
      openSignaling: this.#network.signaling('simulated'),
      openDirect: this.#network.direct(id),
      events: {
        joined: (newcomer) => {
          newcomer.processes.begin()
          this.onJoined(newcomer)
        },
        acknowledged: (_node, write) => this.acknowledged.push(write),
        message: (receiver, from, number) => this.#received(receiver, from, number),
        down: (observer, gone) => observer.sawDown.add(gone),
        answers: (answer) => this.witness.answers(answer),
        answered: (caller, answer) => this.witness.answered(caller, answer),
        entered: (entered) => this.witness.entered.push(entered),
        named: (holder, name) => this.witness.named(holder, name),
        asked: (invariant) => this.asked(invariant),
        wrong: (invariant, explanation) => this.wrong(invariant, explanation),
      },
    })
    this.#pages.add(node)
    node.core.start()
  }

  crash(number: number, isHinted: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined) return
    this.#lose(node)
    if (isHinted) {
      this.#network.crash(node.info.id)
      return
    }
    for (const other of this.living()) this.#network.breakLinks(node.info.id, other.info.id, true)
    this.time.timer(serverTimeout, () => this.#network.crash(node.info.id))
  }

  close(number: number, saysLeft: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined) return
    if (saysLeft && !node.runtime.isFrozen) {
      node.core.goodbye()
      this.#lose(node)
      this.time.timer(closingTime, () => this.#network.crash(node.info.id))
      return
    }
    this.#lose(node)
    for (const other of this.living()) this.#network.breakLinks(node.info.id, other.info.id)
    this.#network.crash(node.info.id)
  }

  leave(number: number): void {
    const node = this.#pages.living(number)
    if (node === undefined || node.page === 'leaving' || node.runtime.isFrozen) return
    node.page = 'leaving'
    node.core.leave(() => {
      if (node.page === 'gone') return
      node.stop()
      this.departures.handedOver(this.living().length)
      this.time.timer(closingTime, () => this.#network.crash(node.info.id))
    })
  }

  hide(number: number): void {
    const node = this.#pages.living(number)
    if (node === undefined || node.page !== 'shown' || node.runtime.isFrozen) return
    node.page = 'hidden'
    node.runtime.setTimerMode('second')
    node.core.park()
  }

  show(number: number): void {
    const node = this.#pages.living(number)
    if (node === undefined || node.page !== 'hidden' || node.runtime.isFrozen) return
    node.page = 'shown'
    this.setTimerMode(number, 'exact')
    node.core.unpark()
    node.core.woke()
  }

  freeze(number: number): void {
    this.#pages.living(number)?.runtime.freeze()
  }

  thaw(number: number, order: ThawOrder, isTold: boolean): void {
    const node = this.#pages.living(number)
    if (node === undefined || !node.runtime.isFrozen) return
    node.runtime.thaw(order)
    node.slept(node.runtime.sleptFor)
    if (isTold) node.core.woke()
  }

  setTimerMode(number: number, mode: TimerMode): void {
    const node = this.#pages.living(number)
    // A call's time-out is a timer, and comes with the next tick; what waits for two in turn begins to wait
    // for the second so late.
    if (mode === 'exact') node?.slept(Math.max(1_000, node.runtime.heldBack))
    node?.runtime.setTimerMode(mode)
  }

  jumpWallClock(number: number, milliseconds: number): void {
    this.#pages.living(number)?.runtime.jumpWallClock(milliseconds)
  }

  failLink(a: number, b: number): void {
    const [one, other] = [this.nodes[a], this.nodes[b]]
    if (one === undefined || other === undefined) return
    this.#severed.add(pair(one.info.id, other.info.id))
    this.#network.breakLinks(one.info.id, other.info.id)
    this.#network.refresh()
  }

  restoreLink(a: number, b: number): void {
    const [one, other] = [this.nodes[a], this.nodes[b]]
    if (one === undefined || other === undefined) return
    this.#severed.delete(pair(one.info.id, other.info.id))
    this.#network.refresh()
  }

  serverDown(): void {
    this.#isServerUp = false
    this.#network.setServer(false)
  }

  serverUp(): void {
    this.#isServerUp = true
    this.#network.setServer(true)
  }

  lieAbout(number: number): void {
    this.#hasServerLied = true
    const about = this.nodes[number]
    if (about === undefined) return
    for (const node of this.living()) {
      if (node !== about) node.signalingEvents?.closed(about.info.id, false)
    }
  }

  introduceGhost(name: string): void {
    this.#hasServerLied = true
    const ghost = this.#pages.ghost(name)
    for (const node of this.living()) node.signalingEvents?.joined(ghost)
  }

  sendHostile(from: number, to: number, chance: () => number): void {
    const sender = this.#pages.living(from)
    const receiver = this.#pages.living(to)
    if (sender === undefined || receiver === undefined || sender.runtime.isFrozen) return
    const { id } = sender.info
    this.hostile.add(id)
    if (chance() < liesOfHostile) {
      // Within its session, as a member that is believed.
      const about = this.nodes[Math.floor(chance() * this.nodes.length)] as MeshNode
      sender.core.send(receiver.info.id, lieAbout(about.info, chance))
      return
    }
    const frame = madeUpFrame(
      this.nodes.map(({ info }) => info.id),
      chance,
    )
    if (chance() < 0.5) receiver.signalingEvents?.relayed(id, frame)
    else receiver.signalingEvents?.offered(id, frame)
  }

  endHostile(number: number): void {
    this.close(number, false)
  }

  /** Only that word reaches everybody at once is not promised meanwhile: what is promised of the mesh is promised whatever happens. */
  excuse(milliseconds: number, nodes?: readonly number[]): void {
    const until = this.time.now + milliseconds
    if (nodes === undefined) this.#allSlowUntil = Math.max(this.#allSlowUntil, until)
    for (const number of nodes ?? [])
      this.#slowUntil.set(number, Math.max(until, this.#slowUntil.get(number) ?? 0))
  }

  /** Whether a fault may hold back what is sent to a node, or what it does itself, for longer than others wait. */
  isSlow(node: MeshNode): boolean {
    return this.time.now < Math.max(this.#allSlowUntil, this.#slowUntil.get(node.number) ?? 0)
  }

  #lose(node: MeshNode): void {
    const { now } = this.time
    const { isExact, lastAwake } = node.runtime
    this.blackouts.push({
      page: node.info.id,
      from: isExact ? lastAwake : lastAwake - slowestTimer,
      until: now,
    })
    node.stop()
    this.departures.lost(
      now,
      this.living().map(({ openedAt }) => openedAt),
    )
  }

  #received(receiver: MeshNode, from: PeerId, number: number): void {
    const last = receiver.received.get(from) ?? 0
    receiver.received.set(from, Math.max(last, number))
    if (this.hostile.has(from) || this.hostile.has(receiver.info.id)) return
    this.asked('once-and-in-order')
    const sender = this.#pages.get(from)
    const name = sender?.name ?? from
    if (number <= last) {
      this.wrong('once-and-in-order', `${receiver.name} got message ${number} of ${name} after ${last}`)
    } else if (number !== last + 1 && !this.wereApart(receiver, sender)) {
      this.wrong(
        'once-and-in-order',
        `${receiver.name} got message ${number} of ${name} after ${last}: some are lost`,
      )
    }
  }

  #numberOf(id: PeerId): number {
    return this.#pages.get(id)?.number ?? serverNumber
  }

  #passes(from: PeerId, to: PeerId, way: Way): boolean {
    if (way === 'direct' && this.#severed.has(pair(from, to))) return false
    if (this.#cuts.length === 0) return true
    const [a, b] = [this.#numberOf(from), this.#numberOf(to)]
    return !this.#cuts.some((isCut) => isCut(a, b))
  }

  #delay(from: PeerId, to: PeerId, way: Way): number {
    const chance = this.#chances.get(from === '' ? to : from)
    if (chance === undefined) return 1
    const fate = this.#fate
    fate.isDropped = chance() < this.#network_.loss
    fate.delay = this.#network_.delay(chance)
    for (const interference of this.#interferences) {
      interference(this.#numberOf(from), this.#numberOf(to), fate)
    }
    this.#hash.integer(way === 'direct' ? 1 : 2)
    this.#hash.number(this.time.now)
    return fate.isDropped ? fate.delay + resentAfter : fate.delay
  }

  /** What the server relays: copied where a fault has it so. */
  #carried(from: PeerId, to: PeerId, bytes: Uint8Array): readonly Uint8Array[] {
    const fate = this.#fate
    fate.isDropped = false
    fate.delay = 0
    fate.extraCopies = 0
    for (const interference of this.#interferences) {
      interference(this.#numberOf(from), this.#numberOf(to), fate)
    }
    // A WebSocket loses nothing, but a faulty server may repeat.
    return fate.extraCopies > 0 ? [bytes, bytes] : [bytes]
  }
}

/** One word for two peers in any order. */
function pair(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
