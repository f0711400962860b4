import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { DialGate } from './dial-gate.js'
import type { OpenDirect } from './direct-link.js'
import type { IceServer, Signaling } from './signaling.js'

/**
 * - `fallback`: the relay serves until a direct link has proved itself, and again when that breaks.
 * - `only`: no direct link is tried.
 * - `never`: nothing goes through the server but the dials.
 */
export type RelayPolicy = 'fallback' | 'only' | 'never'

/** What all conversations of this peer share. */
export interface Surroundings {
  readonly runtime: Runtime
  readonly self: PeerId
  readonly direct: OpenDirect | undefined
  readonly relay: RelayPolicy
  readonly signaling: Pick<Signaling, 'connected' | 'sendOffer' | 'relay' | 'buffered'>
  readonly gate: DialGate
  /** Greater at each call, for sessions and dials: so that those of an earlier conversation are told apart. */
  readonly nextNumber: () => number
  iceServers(): readonly IceServer[]
}
