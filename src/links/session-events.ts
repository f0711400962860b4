import type { Message } from '../wire/index.js'
import type { Carrier } from './carrier.js'
import type { LinkKind } from './link.js'
import type { Refusal } from './refusals.js'

/** What a session tells its owner. */
export interface SessionEvents {
  /** One message of the peer: exactly once and in the order of its urgency, unless membership sent it. */
  message(message: Message): void
  /** What carries the session changed; `none` when nothing is proven. */
  carried(kind: LinkKind | 'none'): void
  /** The link in use came into doubt, or out of it. */
  doubted(isTroubled: boolean): void
  /** A link closed, for whatever reason. */
  closed(carrier: Carrier, reason: string): void
  /** After `send` had answered false: there is room again. */
  drained(): void
  refused(refusal: Refusal): void
  /** The peer began anew: what it had not delivered is lost. */
  reset(): void
}
