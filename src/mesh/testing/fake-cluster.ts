import type { ReadonlyRing } from '../../ring/index.js'
import type { Runtime, Timer, VirtualTime } from '../../runtime/index.js'
import type { PeerId, PeerInfo } from '../../wire/index.js'
import type { MemberState } from '../cluster.js'
import { isGone } from '../member-state.js'
import type { FakeClusterOptions, Span } from './fake-cluster-options.js'
import { FakeCluster, type FakeSurroundings } from './fake-node.js'
import { RendezvousRing, type RingNode } from './rendezvous-ring.js'

export type { FakeClusterOptions, Span } from './fake-cluster-options.js'

/** The longest that the work of joining or leaving may take, in milliseconds, as `Cluster` promises. */
const longestWork = 30_000

/**
 * Clusters in memory, on virtual time, for unit tests of state, tasks and processes. There is no
 * gossip here: whoever changes its state tells everybody, and a crash or cut is noticed after
 * set times. What real membership may do to the floors above (late and differing views, false
 * suspicion, a dead peer that returns, frozen peers) can be made to happen by the controls.
 *
 * @example
 * ```ts
 * const time = new VirtualTime(1)
 * const network = fakeClusters(time, ['a', 'b', 'c'], { delay: 5 })
 * network.crash('b')
 * time.advance(10_000)
 * network.cluster('a').ring.has('b')   // false
 * ```
 */
export class FakeNetwork implements FakeSurroundings {
  readonly time: VirtualTime
  readonly options: FakeClusterOptions
  readonly #nodes = new Map<PeerId, FakeCluster>()
  readonly #rings = new Map<string, ReadonlyRing>()
  /** Pairs `a b` that cannot hear each other, both ways round. */
  readonly #cuts = new Set<string>()
  readonly #verdicts = new Map<string, Timer[]>()

  constructor(time: VirtualTime, ids: readonly PeerId[], options: FakeClusterOptions = {}) {
    this.time = time
    this.options = options
    for (const id of ids) this.#nodes.set(id, new FakeCluster(this, this.#info(id), 'alive'))
    for (const node of this.#nodes.values()) {
      for (const other of this.#nodes.values()) node.know(other.info, 'alive', 0)
    }
  }

  /** Every cluster that ever was, crashed ones too, in the order of their making. */
  get clusters(): readonly FakeCluster[] {
    return [...this.#nodes.values()]
  }

  /** Those that run: not crashed and not gone. */
  get running(): readonly FakeCluster[] {
    return this.clusters.filter((node) => node.running)
  }

  /** @throws {Error} when there never was such a peer */
  cluster(id: PeerId): FakeCluster {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`no cluster is named ${id}`)
    return node
  }

  /**
   * A new peer comes: `joining` at once, and `alive` when all that was given to its `onJoining`
   * is done. Register services on what is returned before time moves on.
   */
  join(id: PeerId): FakeCluster {
    if (this.#nodes.has(id)) throw new Error(`${id} was here already: ids are never used again`)
    const node = new FakeCluster(this, this.#info(id), 'joining')
    this.#nodes.set(id, node)
    const contact = this.clusters.find(
      (other) => other.running && other !== node && this.connected(id, other.self),
    )
    node.know(node.info, 'joining', 0)
    if (contact !== undefined)
      for (const [info, state, incarnation] of contact.table()) node.know(info, state, incarnation)
    this.announce(node)
    // Nobody will tell the newcomer that these are dead: it finds out as the others did.
    for (const [{ id: other }, state] of node.table())
      if (!isGone(state) && !this.cluster(other).running) this.#doubt(node, other)
    // What the contact has not heard yet would never be told again: everybody speaks for itself.
    for (const other of this.running) {
      if (other === node) continue
      for (const [info, state, incarnation] of other.table())
        this.inform(node, info, state, incarnation, other.self)
    }
    this.time.timer(0, () => node.work('joining', longestWork, () => node.become('alive')))
    return node
  }

  /** A peer goes of its own will: `leaving`, then the work given to `onLeaving`, then `left`. */
  leave(id: PeerId, gone: () => void = () => {}): void {
    const node = this.cluster(id)
    if (!node.running || node.own === 'leaving') return
    node.become('leaving')
    node.work('leaving', longestWork, () => {
      node.become('left')
      // What is on its way still arrives; then nothing of this peer runs.
      this.time.timer(0, () => {
        node.end()
        gone()
      })
    })
  }

  /** A peer stops in the middle of whatever it does; the others notice in time. */
  crash(id: PeerId): void {
    const node = this.cluster(id)
    if (!node.running) return
    node.end()
    for (const other of this.running) this.#doubt(other, id)
  }

  /** A hidden tab, and one that is seen again. */
  park(id: PeerId): void {
    this.cluster(id).become('parked')
  }

  unpark(id: PeerId): void {
    this.cluster(id).become('alive')
  }

  /** Neither timers nor messages reach the peer for so long; then all of them, in order. */
  freeze(id: PeerId, milliseconds: number): void {
    const node = this.cluster(id)
    if (!node.running || node.frozen) return
    node.frozen = true
    this.time.timer(milliseconds, () => node.thaw())
  }

  /** `observers` suspect a peer that is well; it refutes after `lasting` milliseconds. */
  suspect(id: PeerId, observers: readonly PeerId[], lasting: number): void {
    const node = this.cluster(id)
    for (const observer of observers) {
      if (observer === id) continue
      const other = this.cluster(observer)
      if (other.running) other.know(node.info, 'suspect', node.incarnation)
    }
    this.time.timer(lasting, () => node.refute())
  }

  /** Cuts the network into these groups; who is in none is a group by itself. */
  partition(groups: readonly (readonly PeerId[])[]): void {
    const groupOf = new Map<PeerId, number>()
    for (const [index, group] of groups.entries()) for (const id of group) groupOf.set(id, index)
    for (const a of this.running) {
      for (const b of this.running) {
        if (a === b) continue
        const together = groupOf.get(a.self) !== undefined && groupOf.get(a.self) === groupOf.get(b.self)
        if (together || this.#cuts.has(`${a.self} ${b.self}`)) continue
        this.#cuts.add(`${a.self} ${b.self}`)
        this.#doubt(a, b.self)
      }
    }
  }

  /** What these peers say reaches nobody else, though they hear all: the others take them for dead in time. */
  mute(ids: readonly PeerId[]): void {
    for (const a of this.running) {
      if (!ids.includes(a.self)) continue
      for (const b of this.running) {
        if (ids.includes(b.self) || this.#cuts.has(`${a.self} ${b.self}`)) continue
        this.#cuts.add(`${a.self} ${b.self}`)
        this.#doubt(b, a.self)
      }
    }
  }

  /** Everybody hears everybody again: states are exchanged, and who was called dead refutes it. */
  heal(): void {
    const cuts = new Set(this.#cuts)
    this.#cuts.clear()
    // Where one way was cut both ends have something to tell.
    for (const cut of [...cuts]) cuts.add(cut.split(' ').reverse().join(' '))
    for (const cut of cuts) {
      for (const timer of this.#verdicts.get(cut) ?? []) timer.cancel()
      this.#verdicts.delete(cut)
      const [at, about] = cut.split(' ') as [PeerId, PeerId]
      const observer = this.cluster(at)
      const other = this.cluster(about)
      if (!observer.running) continue
      if (!other.running) {
        this.#doubt(observer, about)
        continue
      }
      // Push-pull: what `about` knows reaches `observer`; then `about` speaks up for itself.
      for (const [info, state, incarnation] of other.table())
        this.inform(observer, info, state, incarnation, about)
      observer.release(about)
      this.time.timer(this.delay(at, about), () => {
        if (other.running && observer.believes(about) !== other.own) other.refute()
      })
    }
    // Who came meanwhile was cut off from nobody, and may have heard of a death on the other side.
    for (const other of this.running)
      if (this.running.some((observer) => observer.believes(other.self) === 'dead')) other.refute()
  }

  /** Whether a message now would get through. */
  connected(a: PeerId, b: PeerId): boolean {
    return !this.#cuts.has(`${a} ${b}`)
  }

  delay(from: PeerId, to: PeerId): number {
    const { delay = 1 } = this.options
    return typeof delay === 'number' ? delay : delay(from, to)
  }

  runtime(id: PeerId): Runtime {
    const { trace } = this.options
    if (trace === undefined) return this.time.runtime(id)
    return this.time.runtime(id, { trace: (event, ...details) => trace(id, event, details) })
  }

  /** Rings are shared by digest: a thousand views of the same members cost one. */
  ringOf(nodes: readonly RingNode[]): ReadonlyRing {
    const name = nodes.map(({ id, weight }) => `${id}=${weight}`).join()
    let ring = this.#rings.get(name)
    if (ring === undefined) {
      ring = this.options.ring?.(nodes) ?? new RendezvousRing(nodes)
      this.#rings.set(name, ring)
    }
    return ring
  }

  /** Tells everybody the state of `node`, now or, across a cut, when it heals. */
  announce(node: FakeCluster): void {
    for (const other of this.running)
      if (other !== node) this.inform(other, node.info, node.own, node.incarnation, node.self)
  }

  inform(
    observer: FakeCluster,
    info: PeerInfo,
    state: MemberState,
    incarnation: number,
    teller: PeerId,
  ): void {
    const { viewLag = 0 } = this.options
    const lag = typeof viewLag === 'number' ? viewLag : viewLag(observer.self, info.id)
    this.time.timer(this.delay(teller, observer.self) + lag, () => {
      if (!observer.running || !this.connected(teller, observer.self)) return
      observer.hear(() => {
        observer.know(info, state, incarnation)
      })
    })
  }

  /** `observer` does not hear `about` any more: it will suspect it, then declare it dead. */
  #doubt(observer: FakeCluster, about: PeerId): void {
    const { suspectAfter = 2000, deadAfter = 6000, viewLag = 0 } = this.options
    const lag = typeof viewLag === 'number' ? viewLag : viewLag(observer.self, about)
    const verdict = (state: 'suspect' | 'dead') => () => {
      if (!observer.running) return
      observer.hear(() => {
        const target = this.cluster(about)
        // A freeze may have held this back until after the cut was healed.
        if (target.running && this.connected(about, observer.self)) return
        observer.know(target.info, state, Math.max(target.incarnation, observer.incarnationOf(about)))
      })
    }
    this.#verdicts.set(`${observer.self} ${about}`, [
      this.time.timer(drawn(suspectAfter) + lag, verdict('suspect')),
      this.time.timer(drawn(deadAfter) + lag, verdict('dead')),
    ])
  }

  #info(id: PeerId): PeerInfo {
    return { id, kind: 'tab', weight: 1, host: id, ...this.options.info?.(id) }
  }
}

function drawn(span: Span): number {
  return typeof span === 'number' ? span : span()
}

/** N clusters that know each other and are alive, joined by delayed delivery in memory. */
export function fakeClusters(
  time: VirtualTime,
  ids: readonly PeerId[],
  options: FakeClusterOptions = {},
): FakeNetwork {
  return new FakeNetwork(time, ids, options)
}
