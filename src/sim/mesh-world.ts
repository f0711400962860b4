import { MemoryNetwork, type Way } from '../links/adapters/memory.js'
import { randomId, seededRandom, type VirtualTime } from '../runtime/index.js'
import { encodeMessage, type Message, messageDefinition, type PeerId, type PeerInfo } from '../wire/index.js'
import type { Judge } from './invariant.js'
import { type Acknowledged, MeshNode } from './mesh-node.js'
import type { Fate, Interference, NetworkOptions } from './network.js'
import { NodeRuntime, type TimerMode } from './node-runtime.js'
import { randomValue } from './random-message.js'
import type { TraceHash } from './trace-hash.js'
import { serverNumber, type ThawOrder, type World } from './world.js'

export interface MeshWorldOptions {
  readonly time: VirtualTime
  readonly hash: TraceHash
  readonly seed: string | number
  readonly network: NetworkOptions
  /** Sees each step that a node traces; for the transcript of a replay. */
  readonly onTrace?: (
    node: string,
    event: string,
    details: readonly (string | number | boolean)[],
    world: MeshWorld,
  ) => void
}

/** Milliseconds by which a lost packet comes later, as SCTP sends it again: its least time-out (RFC 9260, RTO.Min). */
const resentAfter = 1_000

/** Bytes a millisecond over one link: 2 Mbit/s, so that a long message takes most of a second. */
const linkRate = 250

/** Milliseconds after which the server gives up a socket whose page has vanished. */
const serverTimeout = 30_000

/** Milliseconds that what a closing page said has to get out of it. */
const closingTime = 50

/** How many characters of a made-up frame are random. */
const randomFrame = 200

/**
 * A cluster of pages that run all of floors 1 to 4: membership, ring, links with sessions and
 * codec, mesh, sharded state and tasks, over memory links and a signalling server in memory.
 * Links are reliable and in order while they last, as data channels are: what the network loses
 * is late.
 */
export class MeshWorld implements World {
  readonly time: VirtualTime
  readonly nodes: MeshNode[] = []
  readonly acknowledged: Acknowledged[] = []
  /** When pages went without handing over what they held. */
  readonly losses: number[] = []
  /** Nodes that sent frames of chance's making. */
  readonly hostile = new Set<PeerId>()
  readonly #options: MeshWorldOptions
  readonly #hash: TraceHash
  readonly #byId = new Map<PeerId, MeshNode>()
  readonly #network: MemoryNetwork
  readonly #chances = new Map<PeerId, () => number>()
  readonly #interferences: Interference[] = []
  readonly #cuts: ((from: number, to: number) => boolean)[] = []
  readonly #severed = new Set<string>()
  readonly #fate: Fate = { isDropped: false, delay: 0, extraCopies: 0 }
  #isServerUp = true
  #hasServerLied = false
  #judge: Judge<MeshWorld, never> | undefined
  #network_: NetworkOptions

  constructor(options: MeshWorldOptions) {
    this.#options = options
    this.#network_ = options.network
    this.time = options.time
    this.#hash = options.hash
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

  /** Loss and delay from now on. */
  setNetwork(options: NetworkOptions): void {
    this.#network_ = options
  }

  node(id: PeerId): MeshNode | undefined {
    return this.#byId.get(id)
  }

  living(): MeshNode[] {
    return this.nodes.filter(({ page }) => page !== 'gone')
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
    const { seed, onTrace } = this.#options
    const number = this.nodes.length
    const runtime = new NodeRuntime(this.time, this.#hash, seed, name, number)
    if (onTrace !== undefined) runtime.onTrace = (event, details) => onTrace(name, event, details, this)
    const id = randomId({ random: seededRandom(`${seed}/id/${name}`) })
    this.#chances.set(id, seededRandom(`${seed}/network/${name}`))
    const info: PeerInfo = { id, kind: 'tab', weight: 1, host: `host-${number}` }
    const node = new MeshNode({
      number,
      name,
      seed,
      info,
      runtime,
      openSignaling: this.#network.signaling('simulated'),
      openDirect: this.#network.direct(id),
      events: {
        acknowledged: (_node, write) => this.acknowledged.push(write),
        message: (receiver, from, number) => this.#received(receiver, from, number),
        down: (observer, gone) => observer.sawDown.add(gone),
        asked: (invariant) => this.#judge?.asked(invariant),
        wrong: (invariant, explanation) => this.#judge?.fail(invariant, explanation),
      },
    })
    this.nodes.push(node)
    this.#byId.set(id, node)
    node.core.start()
  }

  crash(number: number, isHinted: boolean): void {
    const node = this.#living(number)
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
    const node = this.#living(number)
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
    const node = this.#living(number)
    if (node === undefined || node.page === 'leaving' || node.runtime.isFrozen) return
    node.page = 'leaving'
    node.core.leave(() => {
      if (node.page === 'gone') return
      node.stop()
      this.time.timer(closingTime, () => this.#network.crash(node.info.id))
    })
  }

  hide(number: number): void {
    const node = this.#living(number)
    if (node === undefined || node.page !== 'shown' || node.runtime.isFrozen) return
    node.page = 'hidden'
    node.runtime.setTimerMode('second')
    node.core.park()
  }

  show(number: number): void {
    const node = this.#living(number)
    if (node === undefined || node.page !== 'hidden' || node.runtime.isFrozen) return
    node.page = 'shown'
    this.setTimerMode(number, 'exact')
    node.core.unpark()
    node.core.woke()
  }

  freeze(number: number): void {
    this.#living(number)?.runtime.freeze()
  }

  thaw(number: number, order: ThawOrder, isTold: boolean): void {
    const node = this.#living(number)
    if (node === undefined || !node.runtime.isFrozen) return
    node.runtime.thaw(order)
    node.slept(node.runtime.sleptFor)
    if (isTold) node.core.woke()
  }

  setTimerMode(number: number, mode: TimerMode): void {
    const node = this.#living(number)
    // A call's time-out is a timer, and comes with the next tick.
    if (mode === 'exact') node?.slept(1_000)
    node?.runtime.setTimerMode(mode)
  }

  jumpWallClock(number: number, milliseconds: number): void {
    this.#living(number)?.runtime.jumpWallClock(milliseconds)
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
    const id = randomId({ random: seededRandom(`${this.#options.seed}/ghost/${name}`) })
    const ghost: PeerInfo = { id, kind: 'tab', weight: 1, host: id }
    for (const node of this.living()) node.signalingEvents?.joined(ghost)
  }

  sendHostile(from: number, to: number, chance: () => number): void {
    const sender = this.#living(from)
    const receiver = this.#living(to)
    if (sender === undefined || receiver === undefined) return
    const { id } = sender.info
    this.hostile.add(id)
    const frame = this.#madeUp(chance)
    if (chance() < 0.5) receiver.signalingEvents?.relayed(id, frame)
    else receiver.signalingEvents?.offered(id, frame)
  }

  endHostile(number: number): void {
    this.close(number, false)
  }

  /** Nothing is excused here: what is promised of the whole mesh is promised whatever happens. */
  excuse(): void {}

  #madeUp(chance: () => number): Uint8Array {
    const noise = Uint8Array.from({ length: Math.floor(chance() * randomFrame) }, () =>
      Math.floor(chance() * 256),
    )
    const definition = messageDefinition(Math.floor(chance() * 128))
    if (definition === undefined || chance() < 0.3) return noise
    const ids = this.nodes.map(({ info }) => info.id)
    try {
      return encodeMessage(randomValue(definition.schema, { chance, ids }) as Message)
    } catch {
      // What was made up does not even encode.
      return noise
    }
  }

  #living(number: number): MeshNode | undefined {
    const node = this.nodes[number]
    return node?.page === 'gone' ? undefined : node
  }

  #lose(node: MeshNode): void {
    node.stop()
    this.losses.push(this.time.now)
  }

  #received(receiver: MeshNode, from: PeerId, number: number): void {
    const last = receiver.received.get(from) ?? 0
    receiver.received.set(from, Math.max(last, number))
    if (this.hostile.has(from) || this.hostile.has(receiver.info.id)) return
    this.#judge?.asked('once-and-in-order')
    const sender = this.#byId.get(from)
    const name = sender?.name ?? from
    if (number <= last) {
      this.#judge?.fail(
        'once-and-in-order',
        `${receiver.name} got message ${number} of ${name} after ${last}`,
      )
    } else if (number !== last + 1 && !this.#wereApart(receiver, from, sender)) {
      this.#judge?.fail(
        'once-and-in-order',
        `${receiver.name} got message ${number} of ${name} after ${last}: some are lost`,
      )
    }
  }

  /** Whether either of two has believed the other gone, which ends their session and what was under way in it. */
  #wereApart(receiver: MeshNode, from: PeerId, sender: MeshNode | undefined): boolean {
    return receiver.sawDown.has(from) || sender === undefined || sender.sawDown.has(receiver.info.id)
  }

  #numberOf(id: PeerId): number {
    return this.#byId.get(id)?.number ?? serverNumber
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
