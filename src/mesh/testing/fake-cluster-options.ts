import type { ReadonlyRing } from '../../ring/index.js'
import type { Message, PeerId, PeerInfo } from '../../wire/index.js'
import type { RingNode } from './rendezvous-ring.js'

/** A span of milliseconds, or a function that draws one. */
export type Span = number | (() => number)

export interface FakeClusterOptions {
  /** Milliseconds that a message takes from one peer to another. Default 1. Order of a pair is kept. */
  delay?: number | ((from: PeerId, to: PeerId) => number)
  /** Milliseconds, on top of the delay, before `observer` learns a change of state of `about`. Default 0. */
  viewLag?: number | ((observer: PeerId, about: PeerId) => number)
  /** Milliseconds from a crash or cut until the others suspect. Default 2000. */
  suspectAfter?: Span
  /** Milliseconds from a crash or cut until the others declare it dead. Default 6000. */
  deadAfter?: Span
  /** What a peer says of itself; default a tab of weight 1, each in a host of its own. */
  info?: (id: PeerId) => Partial<PeerInfo>
  /** Bytes a millisecond that a pair carries; what exceeds it waits in `queued`. Default: no limit. */
  bandwidth?: number
  /** Encodes every message and decodes it on arrival, as a network would; also gives true sizes. Default true. */
  encode?: boolean
  /** Loses what comes from a peer while it is held for dead, as real sessions do, which are forgotten then. Default false. */
  losesForgotten?: boolean
  /** The ring of these nodes; default a {@link RendezvousRing}. */
  ring?: (nodes: readonly RingNode[]) => ReadonlyRing
  /** Sees every step that a peer traces. */
  trace?: (id: PeerId, event: string, details: readonly (string | number | boolean)[]) => void
  /** Sees every message that leaves, with its size in bytes. */
  onMessage?: (from: PeerId, to: PeerId, message: Message, bytes: number) => void
}
