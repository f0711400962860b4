import type { RingmeshError } from '../errors/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'

/** An ICE server in the platform's own shape. */
export interface IceServer {
  urls: string | string[]
  username?: string
  credential?: string
}

/** What the signalling service tells this peer. All of it is hearsay: it may cause a dial or a probe, never a verdict. */
export interface SignalingEvents {
  /** In the room: these were there already. Called again after every reconnection. */
  welcome(peers: readonly PeerInfo[], iceServers: readonly IceServer[]): void
  /** The server will not have us; there is no use in trying again with the same options. */
  refused(error: RingmeshError): void
  joined(peer: PeerInfo): void
  /** The socket of `peer` closed. `clean`: it said goodbye. */
  closed(peer: PeerId, clean: boolean): void
  /** An offer, answer or candidate of a dial, as the other end gave it to `sendOffer`. */
  offered(from: PeerId, payload: Uint8Array): void
  /** A frame for the relay link with `from`. */
  relayed(from: PeerId, frame: Uint8Array): void
  /** `peer` cannot be reached through the server now. */
  unreachable(peer: PeerId): void
  /** The connection to the server was lost; it is being tried again with backoff. */
  lost(): void
}

/**
 * A peer's place in a room: presence, the carriage of offers, and the relay of last resort. One
 * adapter speaks to ringmesh's own server, one to any PeerServer, one lives in memory for the
 * simulator. Reconnects by itself until `close`.
 */
export interface Signaling {
  readonly connected: boolean
  /** Carries a dial's payload to `to`; dropped when not connected. */
  sendOffer(to: PeerId, payload: Uint8Array): void
  /** Carries a frame to `to`; dropped when not connected. */
  relay(to: PeerId, frame: Uint8Array): void
  /** Bytes that wait to be sent to the server. */
  readonly buffered: number
  /** Leaves the room for good. `clean`: tells the others that we go of our own will. */
  close(clean: boolean): void
}

/** Opens a place in a room for `self`. */
export type OpenSignaling = (self: PeerInfo, events: SignalingEvents) => Signaling
