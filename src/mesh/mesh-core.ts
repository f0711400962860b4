import type { RingmeshError } from '../errors/index.js'
import {
  Links,
  type LinksStats,
  type OpenDirect,
  type OpenSignaling,
  type RelayPolicy,
  type Signaling,
} from '../links/index.js'
import { type Member as Known, Membership, type MembershipMessage } from '../membership/index.js'
import type { ReadonlyRing, Spread } from '../ring/index.js'
import { Emitter, type Runtime } from '../runtime/index.js'
import type { Message, MessageType, PeerId, PeerInfo, Priority } from '../wire/index.js'
import type { Cluster, ClusterEvents, Member, Outcome, Request } from './cluster.js'
import { announcedAtOnce, goodbyeBound } from './constants.js'
import type { IntroductionsStats } from './introductions.js'
import { Lifecycle } from './lifecycle.js'
import { isGone, turn } from './member-state.js'
import { Requests } from './requests.js'
import { Rings } from './rings.js'
import { Roster } from './roster.js'
import { Strangers } from './strangers.js'

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

/** What {@link MeshCore.stats} tells. */
export interface MeshCoreStats {
  /** Requests that wait for an answer. */
  readonly requests: number
  readonly links: LinksStats
  readonly introductions: IntroductionsStats
}

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
  readonly #roster: Roster
  readonly #strangers: Strangers
  readonly #requests: Requests
  readonly #rings = new Rings()
  readonly #lifecycle: Lifecycle
  readonly #emitter: Emitter<ClusterEvents>
  readonly #receivers = new Map<MessageType, (message: Message, from: PeerId) => void>()
  #signaling: Signaling | undefined
  #lastDeath = Number.NEGATIVE_INFINITY

  constructor(options: MeshCoreOptions) {
    this.#options = options
    this.runtime = options.runtime
    this.info = options.self
    const { runtime, self } = options
    this.#emitter = new Emitter(runtime)
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
        opened: (peer) => {
          this.#strangers.heard(peer)
          this.#membership.opened(peer)
        },
        changed: (peer) => this.#linkChanged(peer),
        interrupted: (peer) => this.#membership.hint(peer),
        drained: (peer) => options.drained?.(peer),
        reset: (peer) => {
          if (this.#isUp(peer)) this.#emitter.emit('reset', peer)
        },
        stranger: (peer) => {
          if (!this.#lifecycle.hasGone) this.#strangers.spoke(peer)
        },
      },
    })
    this.#membership = new Membership({
      runtime,
      self,
      send: (to, message) => {
        this.#strangers.called(to)
        this.#links.send(to, message)
      },
      events: { change: (member, before) => this.#memberChanged(member, before) },
    })
    this.#roster = new Roster(self.id, this.#membership, this.#links)
    this.#strangers = new Strangers({
      runtime,
      stateOf: (peer) => this.#membership.member(peer)?.state,
      mayBeBack: (peer) => this.#membership.mayBeBack(peer),
      introduce: (peer) => this.#membership.introduce(peer),
      dismiss: (peer) => this.#membership.dismiss(peer),
      connect: (peer) => this.#links.connect(peer),
      disconnect: (peer, reason) => this.#links.disconnect(peer, reason),
      hasDirect: (peer) => this.#links.kind(peer) !== 'none' && this.#links.kind(peer) !== 'relay',
    })
    this.#requests = new Requests({
      runtime,
      view: () => this.view,
      send: (to, message, priority) => this.#sendUrgent(to, message, priority),
      isUp: (peer) => this.#isUp(peer),
    })
    this.#lifecycle = new Lifecycle({
      runtime,
      membership: this.#membership,
      othersStay: () => this.members().some(({ id, state }) => id !== self.id && state !== 'leaving'),
      lastDeath: () => this.#lastDeath,
      joined: () => options.joined(),
      closed: () => this.#close(),
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

  get spread(): Spread {
    return this.#roster.spread
  }

  /** Enters the room. `joined` or `refused` of the options follows. */
  start(): void {
    if (!this.#lifecycle.isNew) return
    this.#lifecycle.start()
    this.#membership.start()
    this.#follow()
    this.#signaling = this.#options.openSignaling(this.info, {
      welcome: (peers, iceServers) => {
        this.#links.signalingConnected(iceServers)
        for (const peer of peers) this.#introduce(peer)
        const first = peers.slice(0, announcedAtOnce)
        this.#lifecycle.welcomed(first.map(({ id }) => id).filter((id) => id !== this.self))
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
    if (this.#lifecycle.hasGone) this.#signaling.close(true)
  }

  members(): readonly Member[] {
    return this.#roster.members()
  }

  member(id: PeerId): Member | undefined {
    return this.#roster.member(id)
  }

  on<E extends keyof ClusterEvents>(event: E, listener: ClusterEvents[E]): () => void {
    return this.#emitter.on(event, listener)
  }

  send(to: PeerId, message: Message): boolean {
    return this.#sendUrgent(to, message, undefined)
  }

  #sendUrgent(to: PeerId, message: Message, priority: Priority | undefined): boolean {
    if (this.#lifecycle.hasGone) return false
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
    this.#lifecycle.onJoining(work)
  }

  onLeaving(work: (done: () => void) => void, alsoAlone?: boolean): void {
    this.#lifecycle.onLeaving(work, alsoAlone)
  }

  /** The page is hidden: keep what is held and answer, but take on nothing new. */
  park(): void {
    this.#lifecycle.park()
  }

  /** The page is seen again. */
  unpark(): void {
    this.#lifecycle.unpark()
  }

  /** The page slept and is awake: ask what happened before judging anyone. */
  woke(): void {
    this.#membership.woke()
  }

  /** Hands over what this peer holds, says goodbye, and calls `gone`. */
  leave(gone: () => void): void {
    this.#lifecycle.leave(gone)
  }

  /** Says goodbye and is gone at once, as a page that is being closed must. */
  goodbye(): void {
    this.#lifecycle.goodbye()
  }

  #close(): void {
    this.#strangers.close()
    this.#requests.close()
    this.#membership.stop()
    this.#signaling?.close(true)
    // A connection that is closed at once takes the goodbye with it.
    this.runtime.timer(goodbyeBound, () => this.#links.close())
  }

  /** Counters and gauges of the links, of what waits, and of those whom the server announced. */
  stats(): MeshCoreStats {
    return {
      requests: this.#requests.waiting,
      links: this.#links.stats(),
      introductions: this.#strangers.stats(),
    }
  }

  #introduce({ id }: PeerInfo): void {
    if (id === this.self || !this.#membership.mayBeBack(id)) return
    this.#strangers.announced(id)
    this.#membership.witness(id, true)
  }

  #socketClosed(peer: PeerId, clean: boolean): void {
    const isMember = this.#membership.member(peer) !== undefined
    if (isMember) {
      this.#membership.witness(peer, false)
      this.#membership.hint(peer)
    }
    // Who was only announced and never answered is not waited for.
    if (clean || !isMember) this.#lifecycle.greeted(peer)
    this.#strangers.withdrawn(peer)
  }

  #receive(from: PeerId, message: Message): void {
    if (this.#lifecycle.hasGone) return
    if (from !== this.self) {
      this.#strangers.heard(from)
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
    const turned = turn(before?.state, state)
    // First: who hears that the ring changed may want to know that it is by a verdict.
    if (turned === 'down' && state === 'dead') this.#lastDeath = this.runtime.now()
    if (!isSelf) {
      this.#strangers.settled(id)
      if (isGone(state)) {
        this.#links.disconnect(id, state)
        this.#roster.forgetLink(id)
      } else this.#links.connect(id)
    }
    this.runtime.trace('member', id, state)
    this.#follow()
    const member = this.#roster.describe(known)
    if (turned === 'up' && !isSelf) this.#emitter.emit('up', member)
    if (turned === 'down') {
      this.#requests.down(id)
      if (!isSelf) this.#emitter.emit('down', member)
    }
    this.#emitter.emit('change', member)
    this.#lifecycle.greeted(id)
    this.#lifecycle.stopIfAlone()
  }

  #linkChanged(peer: PeerId): void {
    const known = this.#membership.member(peer)
    if (known === undefined) return
    const kind = this.#roster.linkChange(peer)
    if (kind === undefined) return
    this.runtime.trace('link', peer, kind)
    this.#emitter.emit('change', this.#roster.describe(known))
  }

  #follow(): void {
    const change = this.#rings.follow(this.#membership.members())
    if (change === undefined) return
    this.runtime.trace('ring', this.view)
    this.#emitter.emit('ring', { view: this.view, ...change })
  }

  #isUp(peer: PeerId): boolean {
    if (peer === this.self) return !this.#lifecycle.hasGone
    const known = this.#membership.member(peer)
    return known !== undefined && !isGone(known.state)
  }
}

function isMembership(message: Message): message is MembershipMessage {
  return message.type.startsWith('membership.')
}
