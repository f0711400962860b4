import type { PeerId } from '../wire/index.js'

/** How a link's frames travel: over WebRTC, through the signalling server, or inside this process. */
export type LinkKind = 'direct' | 'relay' | 'memory'

/** What a link tells its owner. Each is called with the stack empty, never from inside a call to the link. */
export interface LinkEvents {
  /** Frames may be sent. Called once. */
  open(): void
  /** One frame arrived, whole and unaltered. The bytes are the receiver's to keep. */
  frame(bytes: Uint8Array): void
  /**
   * `buffered` fell to a level at which sending on is worth while. Follows when it was above 0 and
   * `awaitDrain` was called; a link without that method tells always.
   */
  drain(): void
  /**
   * The link may be gone, or may come back: nothing was heard of the other end for some time. The
   * next frame, if one comes, ends the doubt.
   */
  trouble(): void
  /** The link is gone for good; nothing follows. Called once, also when it never opened. */
  close(reason: string): void
}

/**
 * One way to carry frames between this peer and another: whole, in order and at most once for as
 * long as it is open, and with no promise for what was under way when it closes. Sessions on top
 * make exactly-once out of it.
 */
export interface Link {
  readonly kind: LinkKind
  readonly remote: PeerId
  /** Bytes handed to `send` that have not left yet. */
  readonly buffered: number
  /** The longest frame that `send` takes, in bytes. */
  readonly largestFrame: number
  /**
   * Whether `send` has copied the frame when it returns, so that its memory may hold the next.
   * Default: no, the frame is the link's from then on.
   */
  readonly copiesFrames?: boolean
  /** Sends a frame; silently dropped when the link is not open. Never throws. */
  send(frame: Uint8Array): void
  /**
   * Asks for the next `drain`. Where a platform's event costs something, as that of a data channel
   * does, it comes only then.
   */
  awaitDrain?(): void
  /** Closes both ends; `close` of the events follows. Idempotent. */
  close(reason: string): void
}

/** Makes a link to `remote`; it reports through `events` from then on. */
export type OpenLink = (events: LinkEvents) => Link
