import type { OpenDirect, OpenSignaling } from '../links/index.js'
import type { MeshCore } from '../mesh/index.js'
import type { Runtime } from '../runtime/index.js'
import type { Persistence } from '../store/index.js'
import type { PeerId, PeerKind } from '../wire/index.js'

export interface SignalingSettings {
  runtime: Runtime
  urls: readonly string[]
  room: string
  token: string | (() => Promise<string>) | undefined
}

/** What `join` needs of the place it runs in: one for browsers, one for Node. */
export interface Platform {
  readonly kind: PeerKind
  /** Share of the ring where the caller names none. */
  readonly weight: number
  /** How many threads the machine runs at once. */
  readonly cores: number
  /** The failure domain of this peer: the browser, or the machine. */
  host(runtime: Runtime): string
  /**
   * How direct links are opened; undefined where there is no WebRTC.
   *
   * @param policy - the candidates that ICE may use
   */
  openDirect(policy: RTCIceTransportPolicy): Promise<OpenDirect | undefined>
  signaling(settings: SignalingSettings): OpenSignaling
  /** Where the state is kept where the caller names no place; undefined for nowhere. */
  persistence(room: string, peer: PeerId): Persistence | undefined
  /**
   * Opens storage in a folder of the machine.
   *
   * @throws {Error} when it cannot be used, or the platform has no folders
   */
  openFolder(folder: string): Promise<Persistence>
  /** Tells the mesh when the page is hidden, sleeps, wakes or goes. Returns the way back. */
  follow(core: MeshCore): () => void
}
