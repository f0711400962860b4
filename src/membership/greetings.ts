import type { PeerId } from '../wire/index.js'
import type { Beliefs } from './beliefs.js'
import {
  CONTACT_TRIES,
  CONTACTS_AT_ONCE,
  CONTACTS_LIMIT,
  KNOCK_BURST,
  PROBE_PERIOD,
  REPLY_PAUSE,
} from './constants.js'
import type { Peer } from './peer.js'

/** First words: to those who were introduced, to strangers, and to the dead, who may only be cut off. */
export class Greetings {
  readonly #beliefs: Beliefs
  /** Introduced peers that have not answered yet, and how often each is still to be greeted. */
  readonly #contacts = new Map<PeerId, number>()
  #lastBurst = Number.NEGATIVE_INFINITY
  #lastReply = Number.NEGATIVE_INFINITY

  constructor(beliefs: Beliefs) {
    this.#beliefs = beliefs
  }

  introduce(id: PeerId): void {
    if (!this.#contacts.has(id) && this.#contacts.size >= CONTACTS_LIMIT) return
    this.#contacts.set(id, CONTACT_TRIES)
    this.greet(id, true)
  }

  /** It has answered, or no answer is waited for any more. */
  met(id: PeerId): void {
    this.#contacts.delete(id)
  }

  /** Says who we are, and to one of the dead what is said of it. */
  greet(id: PeerId, answer: boolean): void {
    const gone = this.#beliefs.gone.get(id)
    const news = [this.#beliefs.ownClaim()]
    if (gone !== undefined) news.push(gone.claim)
    this.#beliefs.send(id, { type: 'membership.hello', answer, news })
  }

  /** Once a period: greets some who did not answer, and calls one of the dead. */
  period(now: number): void {
    for (const [id, tries] of [...this.#contacts].slice(0, CONTACTS_AT_ONCE)) {
      // To the end of the line, so that all have their turn.
      this.#contacts.delete(id)
      if (tries > 1) this.#contacts.set(id, tries - 1)
      this.greet(id, true)
    }
    this.#knock(now)
  }

  /** A dead peer came back: the partition that took it may have healed, and others wait behind it. */
  healed(now: number): void {
    if (now - this.#lastBurst < REPLY_PAUSE) return
    this.#lastBurst = now
    for (let count = 0; count < KNOCK_BURST; count++) this.#knock(now)
  }

  /**
   * Somebody says of `peer` what only it can say: ask it, once a period at most. A peer that was
   * lied about outbids the lie, and whoever missed its own word would refuse it from all others.
   */
  ask(peer: Peer, now: number): void {
    if (now - peer.askedAt < PROBE_PERIOD) return
    peer.askedAt = now
    this.greet(peer.id, true)
  }

  /** A frame came from one who is not here: tell it who we are, and whether it is held for dead. */
  stranger(from: PeerId, now: number): void {
    if (now - this.#lastReply < REPLY_PAUSE) return
    this.#lastReply = now
    this.greet(from, true)
  }

  /** `from` believes in `gone`, who is no longer here. */
  correct(gone: Peer, from: PeerId, now: number): void {
    if (from === gone.id || now - this.#lastReply < REPLY_PAUSE) return
    this.#lastReply = now
    this.#beliefs.tell(from, [gone.claim])
  }

  #knock(now: number): void {
    if (this.#beliefs.gone.size === 0) return
    const gone = this.#beliefs.gone.next(now)
    if (gone !== undefined) this.greet(gone.id, true)
  }
}
