import type { MemberState } from '../membership/index.js'
import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { Introductions, type IntroductionsStats } from './introductions.js'
import { isGone } from './member-state.js'
import { ProvisionalLinks } from './provisional-links.js'

export interface StrangersOptions {
  readonly runtime: Runtime
  /** What membership holds of a peer; undefined for one that is no member. */
  readonly stateOf: (peer: PeerId) => MemberState | undefined
  /** False for a peer that has said goodbye a moment ago: what is still under way of it means nothing. */
  readonly mayBeBack: (peer: PeerId) => boolean
  /** Says who this peer is, until the other has answered. */
  readonly introduce: (peer: PeerId) => void
  /** No answer is waited for any more. */
  readonly dismiss: (peer: PeerId) => void
  readonly connect: (peer: PeerId) => void
  readonly disconnect: (peer: PeerId, reason: string) => void
  /** Whether a link to it carries that no server has a part in. */
  readonly hasDirect: (peer: PeerId) => boolean
}

/**
 * Those who are no members: whom the server announces, who speaks without having been announced, and the dead, who may
 * only have been cut off. Each is given a link, and time to answer; the number of those who never do is bounded.
 */
export class Strangers {
  readonly #options: StrangersOptions
  readonly #provisional: ProvisionalLinks
  readonly #introductions: Introductions

  constructor(options: StrangersOptions) {
    const { runtime, connect, introduce, hasDirect } = options
    this.#options = options
    this.#provisional = new ProvisionalLinks({
      runtime,
      connect,
      disconnect: (peer, reason) => {
        this.#giveUp(peer, reason)
        this.#introductions.settled(peer)
      },
      hasDirect,
    })
    this.#introductions = new Introductions({
      runtime,
      open: (peer) => {
        this.#provisional.introduced(peer)
        connect(peer)
        introduce(peer)
      },
      close: (peer) => {
        this.#provisional.settled(peer)
        this.#giveUp(peer, 'unanswered')
      },
    })
  }

  /** The server says that the peer is in the room. */
  announced(id: PeerId): void {
    const state = this.#options.stateOf(id)
    if (state === undefined || isGone(state)) this.#introductions.announce(id)
  }

  /** The server says that the peer has left the room. */
  withdrawn(id: PeerId): void {
    if (this.#introductions.withdrawn(id)) this.#provisional.doubt(id)
  }

  /**
   * A frame came by way of the server from a peer that there is no link to. It carries nothing of those who are not in
   * the room: whatever is believed of this one, it is there.
   */
  spoke(id: PeerId): void {
    const { stateOf, mayBeBack, introduce } = this.#options
    if (!mayBeBack(id)) return
    const state = stateOf(id)
    if (state !== undefined && isGone(state)) this.#provisional.knock(id)
    else if (state === undefined && this.#provisional.met(id)) {
      this.#introductions.settled(id)
      introduce(id)
    }
  }

  /** Something is about to be said to a peer: where it is held for dead, it needs a link for that. */
  called(id: PeerId): void {
    if (this.#options.stateOf(id) === 'dead') this.#provisional.knock(id)
  }

  /** Something came over a link. */
  heard(id: PeerId): void {
    this.#provisional.heard(id)
    this.#introductions.heard(id)
  }

  /** Membership has decided about the peer. */
  settled(id: PeerId): void {
    this.#provisional.settled(id)
    this.#introductions.settled(id)
  }

  stats(): IntroductionsStats {
    return this.#introductions.stats()
  }

  /** The links stay as they are, and nobody is approached any more. */
  close(): void {
    this.#provisional.close()
    this.#introductions.close()
  }

  #giveUp(id: PeerId, reason: string): void {
    this.#options.dismiss(id)
    this.#options.disconnect(id, reason)
  }
}
