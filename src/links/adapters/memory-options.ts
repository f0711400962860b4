import type { PeerId } from '../../wire/index.js'
import type { LinkKind } from '../link.js'
import type { IceServer } from '../signaling.js'

/** The ways that a `MemoryNetwork` has. `direct`: between two peers; `server`: a peer and the server. */
export type Way = 'direct' | 'server'

/** What is wrong with a network. Asked again for every frame. */
export interface MemoryFaults {
  /** Milliseconds that a frame takes; `''` stands for the server. Frames of one link keep their order. Default 1. */
  delay?(from: PeerId, to: PeerId, way: Way): number
  /** Whether anything gets from `from` to `to` at all. Call `refresh` when an answer changed. Default true. */
  passes?(from: PeerId, to: PeerId, way: Way): boolean
  /** May drop, alter or multiply what the server relays or carries, as a lying server would. */
  carried?(from: PeerId, to: PeerId, bytes: Uint8Array): readonly Uint8Array[]
}

export interface MemoryNetworkOptions extends MemoryFaults {
  /** Kind that the links claim. Default `memory`. */
  readonly kind?: LinkKind
  /** Bytes a millisecond that leave a link; the rest waits in `buffered`. Default: all at once. */
  readonly bytesPerMillisecond?: number
  /** Milliseconds between losing the server and trying again. Default 500. */
  readonly reconnectAfter?: number
  /** Told to every peer with its welcome. */
  readonly iceServers?: readonly IceServer[]
  /** Peers a room takes. Default: any number. */
  readonly roomSize?: number
}

/** What the parts of a network ask about its ways. */
export interface MemoryWays {
  readonly options: MemoryNetworkOptions
  /** Whether anything gets from `from` to `to` now; `''` stands for the server. */
  passes(from: PeerId, to: PeerId, way: Way): boolean
  /** Milliseconds that a frame takes. */
  delay(from: PeerId, to: PeerId, way: Way): number
}
