import type { Runtime, Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { knockBound, latestTimer, strangersAtOnce } from './constants.js'

export interface ProvisionalLinksOptions {
  readonly runtime: Runtime
  readonly connect: (peer: PeerId) => void
  readonly disconnect: (peer: PeerId, reason: string) => void
  /** Whether a link to it carries that no server has a part in: it is there, whatever the server says. */
  readonly hasDirect: (peer: PeerId) => boolean
}

/**
 * Links to those who are no members: newcomers whose socket is said to have closed before they
 * answered, strangers that say something all the same, and the dead, who are called in case that they
 * were only cut off. Each lasts for as long as the peer is heard, and `knockBound` longer; that to a
 * newcomer also for as long as a direct link to it carries, as its first words may be late, or lost.
 *
 * A link with a session may not be closed under a peer that is there: it may hold this one for a
 * member already, and what it has sent would be lost with the session and no word about it.
 */
export class ProvisionalLinks {
  readonly #options: ProvisionalLinksOptions
  readonly #kept = new Map<PeerId, { reason: 'dead' | 'closed'; since: number; timer: Timer }>()
  /** Of these, those that nobody had introduced: only they are limited, and only by each other. */
  readonly #strangers = new Set<PeerId>()

  constructor(options: ProvisionalLinksOptions) {
    this.#options = options
  }

  /** A dead peer is being called, in case that it was only cut off: it needs a link for that, for a while. */
  knock(id: PeerId): void {
    this.#options.connect(id)
    this.#keep(id, 'dead')
  }

  /** The server says that the socket of a peer closed that has not answered yet. It may be wrong. */
  doubt(id: PeerId): void {
    this.#keep(id, 'closed')
  }

  /**
   * Something came from a peer that nobody has introduced, or whose link was closed as the server had said that
   * it was gone.
   * @returns whether there is a link to it now
   */
  met(id: PeerId): boolean {
    if (this.#strangers.size >= strangersAtOnce) return false
    this.#strangers.add(id)
    this.#options.connect(id)
    this.#keep(id, 'closed')
    return true
  }

  /** The server says that the peer is here: what it said before is void. */
  introduced(id: PeerId): void {
    if (this.#kept.get(id)?.reason === 'closed') this.settled(id)
  }

  /** Membership has decided about the peer: its link is a member's, or closed. */
  settled(id: PeerId): void {
    this.#kept.get(id)?.timer.cancel()
    this.#forget(id)
  }

  /** The peer said something. */
  heard(id: PeerId): void {
    const kept = this.#kept.get(id)
    if (kept !== undefined) kept.since = this.#options.runtime.now()
  }

  /** The links stay as they are. */
  close(): void {
    for (const id of [...this.#kept.keys()]) this.settled(id)
  }

  #keep(id: PeerId, reason: 'dead' | 'closed'): void {
    if (this.#kept.has(id)) return
    this.#kept.set(id, { reason, since: this.#options.runtime.now(), timer: this.#check(id, knockBound) })
  }

  #check(id: PeerId, wait: number): Timer {
    const { runtime, disconnect, hasDirect } = this.#options
    const due = runtime.now() + wait
    return runtime.timer(wait, () => {
      const kept = this.#kept.get(id)
      if (kept === undefined) return
      const now = runtime.now()
      // A page that slept has not read yet what came meanwhile.
      if (now - due > latestTimer || (kept.reason === 'closed' && hasDirect(id))) kept.since = now
      const left = kept.since + knockBound - now
      if (left > 0) {
        kept.timer = this.#check(id, left)
        return
      }
      this.#forget(id)
      disconnect(id, kept.reason)
    })
  }

  #forget(id: PeerId): void {
    this.#kept.delete(id)
    this.#strangers.delete(id)
  }
}
