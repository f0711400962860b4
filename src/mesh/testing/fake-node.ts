import type { ReadonlyRing } from '../../ring/index.js'
import type { Runtime, VirtualTime } from '../../runtime/index.js'
import {
  decodeMessage,
  encodeMessage,
  limits,
  type Message,
  type MessageType,
  type PeerId,
  type PeerInfo,
} from '../../wire/index.js'
import type { Cluster, ClusterEvents, Member, MemberState, Outcome, Request } from '../cluster.js'
import { holdsState, isGone, turn, willHoldState } from '../member-state.js'
import type { FakeClusterOptions } from './fake-cluster-options.js'
import type { RingNode } from './rendezvous-ring.js'

/** Which state wins at the same incarnation: later in this row. */
const precedence: readonly MemberState[] = [
  'joining',
  'alive',
  'parked',
  'leaving',
  'suspect',
  'dead',
  'left',
]

/** Bytes that may wait for one peer before `send` refuses. */
const queueLimit = 16 * 1024 * 1024

interface Known {
  readonly info: PeerInfo
  readonly state: MemberState
  readonly incarnation: number
  readonly member: Member
}

interface Pending {
  readonly to: PeerId
  settle(outcome: Outcome): void
}

/** What a peer needs of the network that it is in. */
export interface FakeSurroundings {
  readonly time: VirtualTime
  readonly options: FakeClusterOptions
  runtime(id: PeerId): Runtime
  ringOf(nodes: readonly RingNode[]): ReadonlyRing
  cluster(id: PeerId): FakeCluster
  delay(from: PeerId, to: PeerId): number
  connected(a: PeerId, b: PeerId): boolean
  announce(node: FakeCluster): void
}

/** One peer of a `FakeNetwork`: the `Cluster` that the floors above see, and the test's grip on it. */
export class FakeCluster implements Cluster {
  readonly self: PeerId
  readonly info: PeerInfo
  readonly runtime: Runtime
  own: MemberState
  incarnation = 0
  frozen = false
  /** Milliseconds by which the wall clock of this machine is ahead. */
  clockAhead = 0
  lastDeath = Number.NEGATIVE_INFINITY
  readonly #network: FakeSurroundings
  readonly #known = new Map<PeerId, Known>()
  #ended = false
  #ring: ReadonlyRing
  #nextRing: ReadonlyRing
  #roster: readonly Member[] | undefined
  readonly #listeners: { [E in keyof ClusterEvents]: Set<ClusterEvents[E]> } = {
    up: new Set(),
    down: new Set(),
    reset: new Set(),
    change: new Set(),
    ring: new Set(),
  }
  readonly #receivers = new Map<string, (message: Message, from: PeerId) => void>()
  readonly #servers = new Map<string, (message: Message, request: Request) => void>()
  readonly #pending = new Set<Pending>()
  readonly #joining: ((done: () => void) => void)[] = []
  readonly #leaving: ((done: () => void) => void)[] = []
  /** What a freeze holds back: timers and arrivals, in order. */
  #held: (() => void)[] = []
  /** What a cut holds back, by sender: sessions deliver it if the link comes back in time. */
  readonly #cut = new Map<PeerId, (() => void)[]>()
  /** Who was held for dead, and has no new session yet. */
  readonly #forgotten = new Set<PeerId>()
  readonly #queued = new Map<PeerId, number>()
  /** When the last message to a peer arrives, so that order is kept. */
  readonly #arrival = new Map<PeerId, number>()

  constructor(network: FakeSurroundings, info: PeerInfo, state: MemberState) {
    this.#network = network
    this.self = info.id
    this.info = info
    this.own = state
    const base = network.runtime(info.id)
    this.runtime = {
      ...base,
      wallClock: () => base.wallClock() + this.clockAhead,
      timer: (delay, fire) => {
        let cancelled = false
        const timer = base.timer(delay, () => this.hear(() => cancelled || fire()))
        return {
          cancel() {
            cancelled = true
            timer.cancel()
          },
        }
      },
    }
    this.#ring = network.ringOf([])
    this.#nextRing = this.#ring
  }

  // The test's grip.

  get running(): boolean {
    return !this.#ended
  }

  /** Nothing of this peer runs any more. */
  end(): void {
    this.#ended = true
    this.#held = []
    this.#pending.clear()
  }

  thaw(): void {
    this.frozen = false
    const held = this.#held
    this.#held = []
    for (const run of held) this.hear(run)
  }

  /** Runs something that reaches this peer from outside: now, after the freeze, or never. */
  hear(run: () => void): void {
    if (this.#ended) return
    if (this.frozen) this.#held.push(run)
    else run()
  }

  become(state: MemberState): void {
    if (this.#ended || isGone(this.own)) return
    this.own = state
    this.incarnation++
    this.know(this.info, state, this.incarnation)
    this.#settleRings()
    this.#network.announce(this)
  }

  /** Somebody says that this peer is suspect or dead: it is not. */
  refute(): void {
    this.become(this.own)
  }

  work(kind: 'joining' | 'leaving', limit: number, done: () => void): void {
    let waiting = 1
    let over = false
    const finish = () => {
      if (over || this.#ended) return
      over = true
      timer.cancel()
      done()
    }
    const timer = this.runtime.timer(limit, finish)
    const one = () => {
      if (--waiting === 0) finish()
    }
    for (const task of kind === 'joining' ? this.#joining : this.#leaving) {
      waiting++
      let called = false
      task(() => {
        if (called) return
        called = true
        one()
      })
    }
    one()
  }

  table(): [PeerInfo, MemberState, number][] {
    return [...this.#known.values()].map(({ info, state, incarnation }) => [info, state, incarnation])
  }

  believes(id: PeerId): MemberState | undefined {
    return this.#known.get(id)?.state
  }

  incarnationOf(id: PeerId): number {
    return this.#known.get(id)?.incarnation ?? 0
  }

  know(info: PeerInfo, state: MemberState, incarnation: number): void {
    const before = this.#known.get(info.id)
    if (info.id === this.self && (state === 'suspect' || state === 'dead') && !isGone(this.own)) {
      if (incarnation >= this.incarnation) {
        this.incarnation = incarnation
        this.refute()
      }
      return
    }
    if (before !== undefined) {
      const newer =
        incarnation > before.incarnation ||
        (incarnation === before.incarnation && precedence.indexOf(state) > precedence.indexOf(before.state))
      if (before.state === 'left' || !newer) return
    }
    this.#known.set(info.id, { info, state, incarnation, member: this.#described(info, state) })
    this.#roster = undefined
    const isLost = info.id !== this.self && turn(before?.state, state) === 'down'
    if (isLost && state === 'dead') this.lastDeath = this.runtime.now()
    // As the real mesh does: the rings follow before anybody hears of the change.
    this.#settleRings()
    const member = this.#member(info.id)
    if (member === undefined) return
    const wasUp = before !== undefined && !isGone(before.state) && before.state !== 'joining'
    if (isLost) {
      this.#forgotten.add(info.id)
      this.#emit('down', member)
      this.#cut.delete(info.id)
      for (const pending of [...this.#pending]) {
        if (pending.to !== info.id) continue
        this.#pending.delete(pending)
        pending.settle({ kind: 'down' })
      }
    } else if (!isGone(state) && this.#forgotten.delete(info.id))
      this.#network.cluster(info.id).forgottenBy(this.self)
    if (info.id !== this.self && state === 'alive' && !wasUp) this.#emit('up', member)
    this.#emit('change', member)
  }

  #settleRings(): void {
    const nodesWhere = (test: (state: MemberState) => boolean) =>
      [...this.#known.values()]
        .filter(({ state, info }) => test(state) && info.weight > 0)
        .map(({ info: { id, weight } }) => ({ id, weight }))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
    const before = this.#ring
    this.#nextRing = this.#network.ringOf(nodesWhere(willHoldState))
    this.#ring = this.#network.ringOf(nodesWhere(holdsState))
    if (this.#ring === before) return
    let moved = 0
    for (const { from, to } of before.diff(this.#ring)) moved += to - from
    for (const listener of [...this.#listeners.ring]) listener({ view: this.view, before, moved })
  }

  /** `peer` held this one for dead, and has a new session with it now. */
  forgottenBy(peer: PeerId): void {
    // Where it was the same here, both began anew.
    if (!this.#forgotten.delete(peer)) for (const listener of [...this.#listeners.reset]) listener(peer)
  }

  /** The cut from `from` is over: what waited arrives. */
  release(from: PeerId): void {
    const waiting = this.#cut.get(from) ?? []
    this.#cut.delete(from)
    for (const run of waiting) this.hear(run)
  }

  // What the floors above see.

  members(): readonly Member[] {
    this.#roster ??= [...this.#known.values()]
      .filter(({ state }) => !isGone(state))
      .map(({ info }) => this.#member(info.id) as Member)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return this.#roster
  }

  member(id: PeerId): Member | undefined {
    return this.#member(id)
  }

  get ring(): ReadonlyRing {
    return this.#ring
  }

  get nextRing(): ReadonlyRing {
    return this.#nextRing
  }

  readonly spread = (id: string): string => this.#known.get(id)?.info.host ?? id

  get view(): string {
    return this.#ring.digest
  }

  on<E extends keyof ClusterEvents>(event: E, listener: ClusterEvents[E]): () => void {
    const listeners: Set<ClusterEvents[E]> = this.#listeners[event]
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  send(to: PeerId, message: Message): boolean {
    const known = this.#known.get(to)
    if (this.#ended || known === undefined || isGone(known.state) || this.queued(to) > queueLimit)
      return false
    return this.#deliver(to, message, (there, arrived) =>
      there.#receivers.get(arrived.type)?.(arrived, this.self),
    )
  }

  queued(to: PeerId): number {
    return this.#queued.get(to) ?? 0
  }

  request(to: PeerId, message: Message, timeout: number, settle: (outcome: Outcome) => void): () => void {
    const known = this.#known.get(to)
    let open = true
    const finish = (outcome: Outcome) => {
      if (!open) return
      open = false
      timer.cancel()
      this.#pending.delete(pending)
      settle(outcome)
    }
    const pending: Pending = { to, settle: finish }
    const timer = this.runtime.timer(timeout, () => finish({ kind: 'timeout' }))
    this.#pending.add(pending)
    if (known === undefined || isGone(known.state)) {
      this.runtime.timer(0, () => finish({ kind: 'down' }))
    } else {
      const view = this.view
      this.#deliver(to, message, (there, arrived) => there.#answer(arrived, this, view, finish))
    }
    return () => {
      open = false
      timer.cancel()
      this.#pending.delete(pending)
    }
  }

  receive<Type extends MessageType>(
    type: Type,
    handler: (message: Extract<Message, { type: Type }>, from: PeerId) => void,
  ): () => void {
    if (this.#receivers.has(type)) throw new Error(`${type} has a receiver already`)
    this.#receivers.set(type, handler as (message: Message, from: PeerId) => void)
    return () => this.#receivers.delete(type)
  }

  serve<Type extends MessageType>(
    type: Type,
    handler: (message: Extract<Message, { type: Type }>, request: Request) => void,
  ): () => void {
    if (this.#servers.has(type)) throw new Error(`${type} has a server already`)
    this.#servers.set(type, handler as (message: Message, request: Request) => void)
    return () => this.#servers.delete(type)
  }

  onJoining(work: (done: () => void) => void): void {
    this.#joining.push(work)
  }

  onLeaving(work: (done: () => void) => void): void {
    this.#leaving.push(work)
  }

  #answer(message: Message, asker: FakeCluster, view: string, settle: (outcome: Outcome) => void): void {
    let answered = false
    const once = (outcome: Outcome) => {
      if (answered || this.#ended) return
      answered = true
      if (outcome.kind === 'reply') {
        this.#deliver(asker.self, outcome.message, (_, arrived) =>
          settle({ kind: 'reply', message: arrived }),
        )
      } else {
        this.#deliver(asker.self, undefined, () => settle(outcome))
      }
    }
    const server = this.#servers.get(message.type)
    if (server === undefined) {
      once({ kind: 'refused', reason: 'unserved' })
      return
    }
    try {
      server(message, {
        from: asker.self,
        view,
        reply: (reply) => once({ kind: 'reply', message: reply }),
        refuse: (reason) => once({ kind: 'refused', reason }),
      })
    } catch (error) {
      this.runtime.log('error', `serving ${message.type} threw`, { error: String(error) })
      once({ kind: 'refused', reason: 'malformed' })
    }
  }

  /** @returns false where it is longer than a message may be */
  #deliver(to: PeerId, message: Message, arrive: (there: FakeCluster, message: Message) => void): boolean
  #deliver(to: PeerId, message: undefined, arrive: (there: FakeCluster) => void): boolean
  #deliver(
    to: PeerId,
    message: Message | undefined,
    arrive: (there: FakeCluster, message: Message) => void,
  ): boolean {
    const { encode = true, bandwidth, onMessage, losesForgotten } = this.#network.options
    const bytes = message !== undefined && encode ? encodeMessage(message) : undefined
    const size = bytes?.byteLength ?? 64
    if (size > limits.messageBytes) return false
    if (message !== undefined) onMessage?.(this.self, to, message, size)
    const there = this.#network.cluster(to)
    const time = this.#network.time
    const free = Math.max(time.now, this.#arrival.get(to) ?? 0)
    const at =
      Math.max(free, time.now + this.#network.delay(this.self, to)) +
      (bandwidth === undefined ? 0 : size / bandwidth)
    this.#arrival.set(to, at)
    this.#queued.set(to, this.queued(to) + size)
    time.timer(at - time.now, () => {
      this.#queued.set(to, this.queued(to) - size)
      const run = () => {
        if (!losesForgotten || !there.#forgotten.has(this.self))
          arrive(there, bytes === undefined ? (message as Message) : decodeMessage(bytes))
      }
      if (this.#network.connected(this.self, to)) there.hear(run)
      else there.#holdBack(this.self, run)
    })
    return true
  }

  #holdBack(from: PeerId, run: () => void): void {
    const waiting = this.#cut.get(from) ?? []
    waiting.push(run)
    this.#cut.set(from, waiting)
  }

  #member(id: PeerId): Member | undefined {
    return this.#known.get(id)?.member
  }

  #described(info: PeerInfo, state: MemberState): Member {
    if (info.id === this.self) return { ...info, state, link: 'self', rtt: 0 }
    return { ...info, state, link: isGone(state) ? 'none' : 'direct', rtt: 2 }
  }

  #emit(event: 'up' | 'down' | 'change', member: Member): void {
    for (const listener of [...this.#listeners[event]]) listener(member)
  }
}
