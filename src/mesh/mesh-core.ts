import type { RingmeshError } from '../errors/index.js'
import {
  type LinkKind,
  Links,
  type OpenDirect,
  type OpenSignaling,
  type RelayPolicy,
  type Signaling,
} from '../links/index.js'
import { type Member as Known, Membership, type MembershipMessage } from '../membership/index.js'
import type { ReadonlyRing, Spread } from '../ring/index.js'
import type { Runtime, Timer } from '../runtime/index.js'
import type { Message, MessageType, PeerId, PeerInfo, Priority } from '../wire/index.js'
import type { Cluster, ClusterEvents, Member, Outcome, Request } from './cluster.js'
import {
  alonePatience,
  goodbyeBound,
  goodbyeFlush,
  greetingBound,
  joiningBound,
  leavingBound,
} from './constants.js'
import { ProvisionalLinks } from './provisional-links.js'
import { Requests } from './requests.js'
import { Rings } from './rings.js'
import { Stage } from './stages.js'

export interface MeshCoreOptions {
  runtime: Runtime
  /** What this peer says of itself. */
  self: PeerInfo
  openSignaling: OpenSignaling
  /** How direct links are opened; undefined where the platform has no WebRTC. */
  openDirect: OpenDirect | undefined
  relay: RelayPolicy
  /** This peer is `alive`, its links to the others stand, and it holds its ranges. Called once. */
  joined: () => void
  /** The signalling server will not have this peer. */
  refused: (error: RingmeshError) => void
  /** After `send` answered false for a full queue: there is room for more to this peer. */
  drained?: (peer: PeerId) => void
}

type Listeners = { [E in keyof ClusterEvents]: Set<ClusterEvents[E]> }

/**
 * One peer of the mesh: ties signalling, links, membership and the ring together and offers them to
 * the rooms above as a {@link Cluster}. Deterministic and synchronous; `join` puts it on a real
 * platform, the simulator on a made-up one.
 *
 * ```
 * signalling ──introduces──▶ membership ◀──hints── links
 *     │                          │                   ▲
 *     └────offers, relayed──────▶│──connect, close───┘
 *                                ▼
 *                         ring, up, down
 * ```
 */
export class MeshCore implements Cluster {
  readonly runtime: Runtime
  readonly info: PeerInfo
  readonly #options: MeshCoreOptions
  readonly #membership: Membership
  readonly #links: Links
  readonly #provisional: ProvisionalLinks
  readonly #requests: Requests
  readonly #rings = new Rings()
  readonly #joining = new Stage()
  readonly #leaving = new Stage()
  readonly #receivers = new Map<MessageType, (message: Message, from: PeerId) => void>()
  readonly #listeners: Listeners = { up: new Set(), down: new Set(), change: new Set(), ring: new Set() }
  /** Of the peers that there is a link to. */
  readonly #linkKinds = new Map<PeerId, LinkKind>()
  #signaling: Signaling | undefined
  #greeting: Timer | undefined
  /** Peers that were in the room when this one came, and that have not answered yet. */
  #awaited: Set<PeerId> | undefined
  #isHidden = false
  #lastDeath = Number.NEGATIVE_INFINITY
  /** Ends the wait for what is handed over on leaving. */
  #handedOver: ((late: number) => void) | undefined
  #stage: 'new' | 'greeting' | 'joining' | 'joined' | 'leaving' | 'gone' = 'new'

  constructor(options: MeshCoreOptions) {
    this.#options = options
    this.runtime = options.runtime
    this.info = options.self
    const { runtime, self } = options
    const signaling = (): Signaling | undefined => this.#signaling
    this.#links = new Links({
      runtime,
      self,
      direct: options.openDirect,
      relay: options.relay,
      signaling: {
        get connected() {
          return signaling()?.connected ?? false
        },
        get buffered() {
          return signaling()?.buffered ?? 0
        },
        sendOffer: (to, payload) => signaling()?.sendOffer(to, payload),
        relay: (to, frame) => signaling()?.relay(to, frame),
      },
      events: {
        message: (from, message) => this.#receive(from, message),
        opened: (peer) => this.#membership.opened(peer),
        changed: (peer) => this.#linkChanged(peer),
        interrupted: (peer) => this.#membership.hint(peer),
        drained: (peer) => options.drained?.(peer),
      },
    })
    this.#membership = new Membership({
      runtime,
      self,
      send: (to, message) => {
        const known = this.#membership.member(to)
        if (known?.state === 'dead') this.#provisional.knock(known)
        this.#links.send(to, message)
      },
      events: { change: (member, before) => this.#memberChanged(member, before) },
    })
    this.#provisional = new ProvisionalLinks({
      runtime,
      connect: (peer) => this.#links.connect(peer),
      disconnect: (peer, reason) => this.#links.disconnect(peer, reason),
    })
    this.#requests = new Requests({
      runtime,
      view: () => this.view,
      send: (to, message, priority) => this.#sendUrgent(to, message, priority),
      isUp: (peer) => this.#isUp(peer),
    })
  }

  get self(): PeerId {
    return this.info.id
  }

  get ring(): ReadonlyRing {
    return this.#rings.now
  }

  get nextRing(): ReadonlyRing {
    return this.#rings.next
  }

  get view(): string {
    return this.#rings.now.digest
  }

  get lastDeath(): number {
    return this.#lastDeath
  }

  readonly spread: Spread = {
    domain: (id) => this.#membership.member(id)?.host ?? id,
    anchor: (id) => this.#membership.member(id)?.kind === 'edge',
  }

  /** Enters the room. `joined` or `refused` of the options follows. */
  start(): void {
    if (this.#stage !== 'new') return
    this.#stage = 'greeting'
    this.#membership.start()
    this.#follow()
    this.#signaling = this.#options.openSignaling(this.info, {
      welcome: (peers, iceServers) => {
        this.#links.signalingConnected(iceServers)
        for (const peer of peers) this.#introduce(peer)
        if (this.#stage === 'greeting' && this.#awaited === undefined) this.#greet(peers)
      },
      refused: (error) => this.#options.refused(error),
      joined: (peer) => this.#introduce(peer),
      closed: (peer, clean) => this.#socketClosed(peer, clean),
      offered: (from, payload) => this.#links.offered(from, payload),
      relayed: (from, frame) => this.#links.relayed(from, frame),
      unreachable: (peer) => this.#membership.witness(peer, false),
      lost: () => this.#links.signalingLost(),
    })
    // It may have refused us before it returned.
    if (this.#hasGone) this.#signaling.close(true)
  }

  members(): readonly Member[] {
    const members: Member[] = []
    for (const known of this.#membership.members()) {
      if (known.state !== 'dead' && known.state !== 'left') members.push(this.#described(known))
    }
    return members.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  member(id: PeerId): Member | undefined {
    const known = this.#membership.member(id)
    return known && this.#described(known)
  }

  on<E extends keyof ClusterEvents>(event: E, listener: ClusterEvents[E]): () => void {
    // A wrapper, so that the same function may listen twice and each be taken back by itself.
    const wrapped = ((value: never) => (listener as (value: never) => void)(value)) as ClusterEvents[E]
    this.#listeners[event].add(wrapped)
    return () => this.#listeners[event].delete(wrapped)
  }

  send(to: PeerId, message: Message): boolean {
    return this.#sendUrgent(to, message, undefined)
  }

  #sendUrgent(to: PeerId, message: Message, priority: Priority | undefined): boolean {
    if (this.#stage === 'gone') return false
    if (to !== this.self) return this.#links.send(to, message, priority)
    this.runtime.timer(0, () => this.#receive(this.self, message))
    return true
  }

  queued(to: PeerId): number {
    return to === this.self ? 0 : this.#links.queued(to)
  }

  request(to: PeerId, message: Message, timeout: number, settle: (outcome: Outcome) => void): () => void {
    return this.#requests.ask(to, message, timeout, settle)
  }

  receive<Type extends MessageType>(
    type: Type,
    handler: (message: Extract<Message, { type: Type }>, from: PeerId) => void,
  ): () => void {
    if (this.#receivers.has(type)) throw new Error(`${type} is received already`)
    const receiver = handler as (message: Message, from: PeerId) => void
    this.#receivers.set(type, receiver)
    return () => this.#receivers.delete(type)
  }

  serve<Type extends MessageType>(
    type: Type,
    handler: (message: Extract<Message, { type: Type }>, request: Request) => void,
  ): () => void {
    return this.#requests.serve(type, handler as (message: Message, request: Request) => void)
  }

  onJoining(work: (done: () => void) => void): void {
    this.#joining.add(work)
  }

  onLeaving(work: (done: () => void) => void): void {
    this.#leaving.add(work)
  }

  /** The page is hidden: keep what is held and answer, but take on nothing new. */
  park(): void {
    this.#isHidden = true
    if (this.#stage === 'joined') this.#membership.park()
  }

  /** The page is seen again. */
  unpark(): void {
    this.#isHidden = false
    if (this.#stage === 'joined') this.#membership.unpark()
  }

  /** The page slept and is awake: ask what happened before judging anyone. */
  woke(): void {
    this.#membership.woke()
  }

  /** Hands over what this peer holds, says goodbye, and calls `gone`. */
  leave(gone: () => void): void {
    if (this.#stage === 'leaving' || this.#stage === 'gone') {
      this.runtime.timer(0, gone)
      return
    }
    this.#stage = 'leaving'
    this.#handedOver = (late) => {
      this.#handedOver = undefined
      if (late > 0) this.runtime.log('warn', `left before ${late} rooms had handed over`)
      this.goodbye()
      // Who hears `gone` may end the process, and the goodbye is still in the buffers of the links.
      this.runtime.timer(goodbyeFlush, gone)
    }
    this.#membership.leaving()
    this.#leaving.run(this.runtime, leavingBound, (late) => this.#handedOver?.(late))
    this.#stopIfAlone()
  }

  /** Says goodbye and is gone at once, as a page that is being closed must. */
  goodbye(): void {
    if (this.#stage === 'gone') return
    this.#membership.left()
    this.#stage = 'gone'
    this.#provisional.close()
    this.#greeting?.cancel()
    this.#requests.close()
    this.#membership.stop()
    this.#signaling?.close(true)
    // A connection that is closed at once takes the goodbye with it.
    this.runtime.timer(goodbyeBound, () => this.#links.close())
  }

  get #hasGone(): boolean {
    return this.#stage === 'gone'
  }

  /** Counters and gauges of the links and of what waits. */
  stats(): { readonly requests: number; readonly links: ReturnType<Links['stats']> } {
    return { requests: this.#requests.waiting, links: this.#links.stats() }
  }

  #introduce(peer: PeerInfo): void {
    if (peer.id === this.self || this.#membership.member(peer.id)?.state === 'left') return
    this.#provisional.introduced(peer.id)
    this.#links.connect(peer)
    this.#membership.introduce(peer)
    this.#membership.witness(peer.id, true)
  }

  #greet(peers: readonly PeerInfo[]): void {
    const others = peers.filter(({ id }) => id !== this.self)
    this.#awaited = new Set(others.map(({ id }) => id))
    this.#greeting = this.runtime.timer(greetingBound, () => this.#beginJoining())
    if (this.#awaited.size === 0) this.#beginJoining()
  }

  #greeted(peer: PeerId): void {
    this.#awaited?.delete(peer)
    if (this.#awaited?.size === 0) this.#beginJoining()
  }

  /** Everyone who was here has answered, or the time for it is over: pull the state, then be alive. */
  #beginJoining(): void {
    if (this.#stage !== 'greeting') return
    this.#stage = 'joining'
    this.#greeting?.cancel()
    this.#joining.run(this.runtime, joiningBound, (late) => {
      if (this.#stage !== 'joining') return
      if (late > 0) this.runtime.log('warn', `joined before ${late} rooms had caught up`)
      this.#stage = 'joined'
      this.#membership.ready()
      // A tab may have been opened in the background.
      if (this.#isHidden) this.#membership.park()
      this.#options.joined()
    })
  }

  #socketClosed(peer: PeerId, clean: boolean): void {
    const isMember = this.#membership.member(peer) !== undefined
    if (isMember) {
      this.#membership.witness(peer, false)
      this.#membership.hint(peer)
    }
    // Who was only announced and never answered is not waited for.
    if (clean || !isMember) this.#greeted(peer)
    if (!isMember) this.#provisional.doubt(peer)
  }

  /**
   * A peer that leaves waits for nobody when nobody stays: there is no one to hand over to. It waits
   * a little where the last one was called dead just now, as when a cut heals that comes before the
   * others say that they live.
   */
  #stopIfAlone(): void {
    if (this.#handedOver === undefined) return
    for (const { id, state } of this.members()) if (id !== this.self && state !== 'leaving') return
    const wait = this.#lastDeath + alonePatience - this.runtime.now()
    if (wait > 0) this.runtime.timer(wait, () => this.#stopIfAlone())
    else this.#handedOver(0)
  }

  #isGone(peer: PeerId): boolean {
    const state = this.#membership.member(peer)?.state
    return state === 'dead' || state === 'left'
  }

  #receive(from: PeerId, message: Message): void {
    if (this.#stage === 'gone') return
    if (from !== this.self) {
      this.#provisional.heard(from)
      this.#membership.heard(from)
    }
    switch (message.type) {
      case 'mesh.request':
      case 'mesh.reply':
      case 'mesh.refuse':
        this.#requests.receive(from, message)
        return
      default: {
        if (isMembership(message)) {
          this.#membership.receive(from, message)
          return
        }
        this.#receivers.get(message.type)?.(message, from)
      }
    }
  }

  #memberChanged(known: Known, before: Known | undefined): void {
    const { id, state } = known
    const isSelf = id === this.self
    if (!isSelf) {
      this.#provisional.settled(id)
      if (this.#isGone(id)) {
        this.#links.disconnect(id, state)
        this.#linkKinds.delete(id)
      } else this.#links.connect(known)
    }
    this.runtime.trace('member', id, state)
    this.#follow()
    const member = this.#described(known)
    const wasUp = before !== undefined && isWorking(before.state)
    const wasDown = before !== undefined && (before.state === 'dead' || before.state === 'left')
    if (isWorking(state) && !wasUp && !isSelf) this.#emit('up', member)
    if ((state === 'dead' || state === 'left') && !wasDown) {
      if (state === 'dead') this.#lastDeath = this.runtime.now()
      this.#requests.down(id)
      if (!isSelf) this.#emit('down', member)
    }
    this.#emit('change', member)
    this.#greeted(id)
    this.#stopIfAlone()
  }

  #linkChanged(peer: PeerId): void {
    const known = this.#membership.member(peer)
    if (known === undefined) return
    const kind = this.#links.kind(peer)
    if ((this.#linkKinds.get(peer) ?? 'none') === kind) return
    if (kind === 'none') this.#linkKinds.delete(peer)
    else this.#linkKinds.set(peer, kind)
    this.runtime.trace('link', peer, kind)
    this.#emit('change', this.#described(known))
  }

  #follow(): void {
    const members = this.#membership.members().slice()
    members.sort((a, b) => (a.id < b.id ? -1 : 1))
    const change = this.#rings.follow(members)
    if (change === undefined) return
    this.runtime.trace('ring', this.view)
    this.#emit('ring', { view: this.view, ...change })
  }

  #described(known: Known): Member {
    const { id, kind, weight, host, state, rtt } = known
    return { id, kind, weight, host, state, link: this.#linkTo(id), rtt: id === this.self ? 0 : rtt }
  }

  #linkTo(peer: PeerId): Member['link'] {
    if (peer === this.self) return 'self'
    const kind = this.#links.kind(peer)
    // Links in memory, of tests and the simulator, stand for those without a server in between.
    return kind === 'memory' ? 'direct' : kind
  }

  #isUp(peer: PeerId): boolean {
    if (peer === this.self) return this.#stage !== 'gone'
    return this.#membership.member(peer) !== undefined && !this.#isGone(peer)
  }

  #emit<E extends keyof ClusterEvents>(event: E, value: Parameters<ClusterEvents[E]>[0]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        ;(listener as (value: Parameters<ClusterEvents[E]>[0]) => void)(value)
      } catch (error) {
        // One listener's fault must not keep the others, or the protocol, from going on.
        this.runtime.log('error', `a listener of '${event}' threw`, { error })
      }
    }
  }
}

/** Whether a peer in this state takes part: the difference between `up` and not yet or no longer. */
function isWorking(state: Known['state']): boolean {
  return state === 'alive' || state === 'suspect' || state === 'parked' || state === 'leaving'
}

function isMembership(message: Message): message is MembershipMessage {
  return message.type.startsWith('membership.')
}
