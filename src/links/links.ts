import type { Runtime } from '../runtime/index.js'
import {
  decodeMessage,
  limits,
  type Message,
  type PeerId,
  type PeerInfo,
  type Priority,
} from '../wire/index.js'
import { Conversation } from './conversation.js'
import { DialGate } from './dial-gate.js'
import type { OpenDirect } from './direct-link.js'
import { EarlyOffers } from './early-offers.js'
import type { LinkKind } from './link.js'
import { LinksCounters, type LinksStats } from './links-stats.js'
import type { IceServer, Signaling } from './signaling.js'
import type { RelayPolicy } from './surroundings.js'

/** What the links tell the mesh. None is called from inside a call to `Links` but `connect` may have been. */
export interface LinksEvents {
  /** A message of `from`: exactly once and in the order of its urgency, unless it is of membership's. */
  message(from: PeerId, message: Message): void
  /** There is a link that works both ways, and there was none. */
  opened(peer: PeerId): void
  /** The session with `peer` goes over another kind of link now; `none`: it waits for one. */
  changed(peer: PeerId, kind: LinkKind | 'none'): void
  /** No link is open to `peer` any more, or the one in use went silent: a hint to ask, never a verdict. */
  interrupted(peer: PeerId): void
  /** After `send` answered false for a full queue: there is room again. */
  drained?(peer: PeerId): void
  /** The peer has forgotten the session, and begins another: what had not reached it is lost. */
  reset?(peer: PeerId): void
  /**
   * Something came through the server from a peer that there is no link to: it is in the room. Where
   * `connect` is called for it, what came is heard, and dropped otherwise.
   */
  stranger?(peer: PeerId): void
}

export interface LinksOptions {
  readonly runtime: Runtime
  readonly self: PeerInfo
  /** How direct links are made; undefined where there is no WebRTC: then the relay is all there is. */
  readonly direct: OpenDirect | undefined
  readonly relay: RelayPolicy
  readonly signaling: Pick<Signaling, 'connected' | 'sendOffer' | 'relay' | 'buffered'>
  readonly events: LinksEvents
}

/**
 * All connections of this peer: one session for each peer that it is told to connect to, over a
 * direct link or the relay, whichever works, replaced as often as need be.
 *
 * @example
 * ```ts
 * const links = new Links({ runtime, self, direct, relay: 'fallback', signaling, events })
 * links.connect(peer.id)
 * links.send(peer.id, { type: 'mesh.user', body: packValue('hello') })
 * ```
 */
export class Links {
  readonly #options: LinksOptions
  readonly #conversations = new Map<PeerId, Conversation>()
  readonly #early: EarlyOffers
  readonly #gate: DialGate
  readonly #counters = new LinksCounters()
  #iceServers: readonly IceServer[] = []
  #numbers = 0
  #isClosed = false

  constructor(options: LinksOptions) {
    this.#options = options
    this.#gate = new DialGate(options.runtime)
    this.#early = new EarlyOffers(options.runtime)
  }

  /** Keeps a link to the peer `id` from now on, until `disconnect`. Does nothing when it does already. */
  connect(id: PeerId): void {
    const { runtime, self, direct, relay, signaling, events } = this.#options
    if (this.#isClosed || id === self.id || this.#conversations.has(id)) return
    let before: LinkKind | 'none' = 'none'
    const conversation = new Conversation(
      id,
      {
        runtime,
        self: self.id,
        direct,
        relay,
        signaling,
        gate: this.#gate,
        nextNumber: () => ++this.#numbers,
        iceServers: () => this.#iceServers,
      },
      {
        message: (message) => events.message(id, message),
        carried: (kind) => {
          const was = before
          before = kind
          runtime.trace('links.carried', id, kind)
          if (was === 'none' && kind !== 'none') events.opened(id)
          if (was !== kind) events.changed(id, kind)
          if (kind === 'none' && this.#conversations.has(id)) events.interrupted(id)
        },
        doubted: (isTroubled) => {
          if (isTroubled) events.interrupted(id)
        },
        closed: (carrier, reason) => this.#counters.closed(carrier, reason),
        drained: () => events.drained?.(id),
        refused: (refusal) => this.#counters.refused(refusal),
        reset: () => {
          this.#counters.reset()
          events.reset?.(id)
        },
        dialed: () => this.#counters.dialed(),
        dialFailed: (reason) => runtime.log('debug', 'a dial failed', { peer: id, reason }),
      },
    )
    this.#conversations.set(id, conversation)
    for (const payload of this.#early.take(id)) this.offered(id, payload)
  }

  /** Closes every link to a peer and forgets its session. `reason` is told to the other end and counted. */
  disconnect(id: PeerId, reason: string): void {
    this.#early.take(id)
    const conversation = this.#conversations.get(id)
    if (conversation === undefined) return
    this.#conversations.delete(id)
    this.#counters.disconnected(reason)
    conversation.close(reason)
  }

  /** What the signalling service carried here from `from`'s `sendOffer`. */
  offered(from: PeerId, payload: Uint8Array): void {
    const conversation = this.#conversationWith(from)
    if (conversation === undefined) {
      if (!this.#isClosed && from !== this.#options.self.id) this.#early.keep(from, payload)
      this.#counters.refused('stranger')
      return
    }
    let message: Message | undefined
    try {
      if (payload.length <= limits.frameBytes) message = decodeMessage(payload)
    } catch {
      // Counted below, with everything else that is no dial.
    }
    if (message?.type !== 'session.dial' || !conversation.offered(message.dial, message.payload))
      this.#counters.refused('bad-dial')
  }

  /** A frame of `from` that came through the server. */
  relayed(from: PeerId, frame: Uint8Array): void {
    const conversation = this.#conversationWith(from)
    if (conversation === undefined) this.#counters.refused('stranger')
    else conversation.relayed(frame)
  }

  /** In the room, for the first time or again: dials and relays may begin. */
  signalingConnected(iceServers: readonly IceServer[]): void {
    this.#iceServers = iceServers
    for (const conversation of [...this.#conversations.values()]) conversation.signalingConnected()
  }

  /** The server is gone: direct links go on, relayed sessions wait. */
  signalingLost(): void {
    for (const conversation of [...this.#conversations.values()]) conversation.signalingLost()
  }

  /**
   * Queues a message. False when it was dropped: not connected, its queue is full, or it is too long.
   *
   * @param priority - instead of that of the message's definition, as for an envelope whose
   * contents are bulk. Order is kept among messages of one priority.
   */
  send(to: PeerId, message: Message, priority?: Priority): boolean {
    return this.#conversations.get(to)?.session.send(message, priority) ?? false
  }

  /** Bytes that wait for `to` or are on their way, not acknowledged. */
  queued(to: PeerId): number {
    return this.#conversations.get(to)?.session.queued ?? 0
  }

  /** What carries the session with `to`. */
  kind(to: PeerId): LinkKind | 'none' {
    return this.#conversations.get(to)?.kind ?? 'none'
  }

  /** Counters since the start and gauges of now. */
  stats(): LinksStats {
    return this.#counters.stats(this.#conversations, this.#gate)
  }

  /** The conversation with a peer that said something; with a stranger one that is begun for it, if any. */
  #conversationWith(from: PeerId): Conversation | undefined {
    if (!this.#conversations.has(from) && !this.#isClosed && from !== this.#options.self.id)
      this.#options.events.stranger?.(from)
    return this.#conversations.get(from)
  }

  /** Closes all links. */
  close(): void {
    this.#isClosed = true
    for (const id of [...this.#conversations.keys()]) this.disconnect(id, 'closed')
  }
}
