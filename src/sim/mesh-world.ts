import type { VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { Departures } from './departures.js'
import { lieAbout, liesOfHostile, madeUpFrame } from './hostile-frames.js'
import type { Judge } from './invariant.js'
import { MeshNetwork } from './mesh-network.js'
import { type Acknowledged, MeshNode } from './mesh-node.js'
import { MessageWitness } from './message-witness.js'
import type { Interference, NetworkOptions } from './network.js'
import type { ThawOrder, TimerMode } from './node-runtime.js'
import { Pages, type WorldOptions } from './pages.js'
import { ProcessWitness } from './process-witness.js'
import { SnapshotWitness } from './snapshot-witness.js'
import { serverNumber, type World } from './world.js'

export type MeshWorldOptions = WorldOptions<MeshWorld>

/** Milliseconds after which the server gives up a socket whose page has vanished. */
const serverTimeout = 30_000

/** Milliseconds that what a closing page said has to get out of it. */
const closingTime = 50

/** Milliseconds by which the timers of a hidden page are late: once a minute. */
const slowestTimer = 60_000

/**
 * A cluster of pages that run all of floors 1 to 4: membership, ring, links with sessions and
 * codec, mesh, sharded state, tasks and processes, over memory links and a signalling server in memory.
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
  readonly #pages: Pages<MeshNode, MeshWorld>
  readonly #network: MeshNetwork
  readonly #messages = new MessageWitness<MeshNode>(this)
  /** Until when nodes are excused, by their numbers, and all of them, those included that come meanwhile. */
  readonly #slowUntil = new Map<number, number>()
  #allSlowUntil = 0
  #hasServerLied = false
  #judge: Judge<MeshWorld, never> | undefined

  constructor(options: MeshWorldOptions) {
    this.#seed = options.seed
    this.#pages = new Pages<MeshNode, MeshWorld>(this, options)
    this.time = options.time
    this.witness = new ProcessWitness(this)
    this.#network = new MeshNetwork({
      ...options,
      numberOf: (id) => this.#pages.get(id)?.number ?? serverNumber,
    })
  }

  /** Whether nothing keeps two pages from reaching each other through the server, nor makes that slow. */
  isServed(one: MeshNode, other: MeshNode): boolean {
    if (!this.#network.isUndisturbed || this.#hasServerLied) return false
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
    this.#network.set(options)
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
    return this.#network.interfere(interference)
  }

  cut(isCut: (from: number, to: number) => boolean): () => void {
    return this.#network.cut(isCut)
  }

  join(name: string): void {
    const page = this.#pages.create(name)
    const node = new MeshNode({
      ...page,
      seed: this.#seed,
      snapshots: this.snapshots,
      ...this.#network.open(page.info.id, name),
      events: {
        joined: (newcomer) => {
          newcomer.processes.begin()
          this.onJoined(newcomer)
        },
        acknowledged: (_node, write) => this.acknowledged.push(write),
        message: (receiver, from, number) => this.#messages.received(receiver, from, number),
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
    this.#network.breakLinks(node.info.id, this.#livingIds(), true)
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
    this.#network.breakLinks(node.info.id, this.#livingIds())
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
    this.#network.sever(one.info.id, other.info.id)
  }

  restoreLink(a: number, b: number): void {
    const [one, other] = [this.nodes[a], this.nodes[b]]
    if (one === undefined || other === undefined) return
    this.#network.restore(one.info.id, other.info.id)
  }

  serverDown(): void {
    this.#network.setServer(false)
  }

  serverUp(): void {
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

  #livingIds(): PeerId[] {
    return this.living().map(({ info }) => info.id)
  }
}
