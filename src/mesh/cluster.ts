import type { ReadonlyRing, Spread } from '../ring/index.js'
import type { Runtime } from '../runtime/index.js'
import type { Message, MessageType, PeerId, PeerInfo } from '../wire/index.js'

/** Where a peer stands in its life, as this peer believes; see `src/membership`. */
export type MemberState = 'joining' | 'alive' | 'parked' | 'leaving' | 'left' | 'suspect' | 'dead'

/** A peer as this one sees it. A new object for every change: keep none to compare by identity. */
export interface Member extends PeerInfo {
  readonly state: MemberState
  /** How frames travel to it now; `self` for this peer, `none` while there is no link. */
  readonly link: 'direct' | 'relay' | 'self' | 'none'
  /** Smoothed round-trip time in milliseconds; undefined before the first answer. */
  readonly rtt: number | undefined
}

/**
 * How a request ended.
 * - `reply`: the peer answered.
 * - `refused`: the peer will not: nobody serves it there, it was malformed, it is busy or closing.
 * - `down`: the peer is dead, has left, or was never known; said at once, whether it did the work is unknown.
 * - `timeout`: no answer in time; whether it did the work is unknown.
 */
export type Outcome =
  | { readonly kind: 'reply'; readonly message: Message }
  | { readonly kind: 'refused'; readonly reason: 'unserved' | 'malformed' | 'busy' | 'closing' }
  | { readonly kind: 'down' }
  | { readonly kind: 'timeout' }

export interface Request {
  readonly from: PeerId
  /** The digest of the sender's view when it asked: compare with `cluster.view`. */
  readonly view: string
  /** Answers; only the first of `reply` and `refuse` counts, and it may come much later. */
  reply(message: Message): void
  refuse(reason: 'unserved' | 'malformed' | 'busy' | 'closing'): void
}

export interface ClusterEvents {
  /** Another peer became able to work with us: `alive` for the first time, or again. */
  up(member: Member): void
  /**
   * Another peer is dead or has left. The id of one that left never comes back; one that was held for dead
   * may, when it was only cut off or asleep: `up` follows then.
   */
  down(member: Member): void
  /**
   * A peer that is up has forgotten this one, as it held it for dead meanwhile, which this one did not see: what was on
   * the way to it is lost, and what it kept for this one is gone. Before any message that it sent since.
   */
  reset(peer: PeerId): void
  /** Anything of a member changed: its state, its link. Also fired with `up` and `down`. */
  change(member: Member): void
  /** The ring changed: the new digest, the ring before, and the fraction of the key space that moved. */
  ring(change: { readonly view: string; readonly before: ReadonlyRing; readonly moved: number }): void
}

/**
 * What the rooms of floor 4 (state, tasks, processes) know of the mesh. All calls are synchronous
 * and none calls back before it returns.
 */
export interface Cluster {
  readonly self: PeerId
  readonly info: PeerInfo
  readonly runtime: Runtime
  /** All peers that are not dead or gone, this one included, in the order of their ids. */
  members(): readonly Member[]
  /** One peer, also a dead or departed one for as long as it is remembered. */
  member(id: PeerId): Member | undefined
  /** The ring over the members that hold state now: alive, suspect and leaving ones. Reads go here. */
  readonly ring: ReadonlyRing
  /** The ring as it will be: with those that are joining, without those that are leaving or parked. Writes go to both. */
  readonly nextRing: ReadonlyRing
  /** How copies shall differ: distinct browsers, and an edge worker among them: `ring.owners(key, n, cluster.spread)`. */
  readonly spread: Spread | ((id: string) => string)
  /**
   * When a peer was last called dead, on the runtime's clock; minus infinity where none was. It may be taken back: who
   * is about to believe that nobody else is there waits for `alonePatience` after it.
   */
  readonly lastDeath: number
  /** Digest of the members that `ring` is computed from; equal on two peers exactly when their rings are. */
  readonly view: string
  on<E extends keyof ClusterEvents>(event: E, listener: ClusterEvents[E]): () => void
  /** Queues a message for a peer. Answers false when it was dropped: the peer is not known, is down, or its queue is full. */
  send(to: PeerId, message: Message): boolean
  /** Bytes queued for `to`: hold bulk back while this is high. */
  queued(to: PeerId): number
  /**
   * Asks a peer and tells how it went, exactly once. Asking oneself works and is answered like any other.
   * @param timeout - milliseconds
   * @returns a function that gives the request up: `settle` is then never called
   */
  request(to: PeerId, message: Message, timeout: number, settle: (outcome: Outcome) => void): () => void
  /** Takes over all messages of a type that come by `send`. One receiver a type. Returns the way back. */
  receive<Type extends MessageType>(
    type: Type,
    handler: (message: Extract<Message, { type: Type }>, from: PeerId) => void,
  ): () => void
  /** Answers all requests of a type. One server a type. A handler that throws refuses with `malformed`. */
  serve<Type extends MessageType>(
    type: Type,
    handler: (message: Extract<Message, { type: Type }>, request: Request) => void,
  ): () => void
  /** Work to be done before this peer counts as alive (pull the state of its ranges); bounded by 30 s. */
  onJoining(work: (done: () => void) => void): void
  /**
   * Work to be done before this peer leaves of its own will (hand its state, tasks and processes over); bounded.
   * @param alsoAlone - whether it is waited for also where nobody stays who could take anything: default false
   */
  onLeaving(work: (done: () => void) => void, alsoAlone?: boolean): void
}
