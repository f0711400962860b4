import type { PeerClass, peerjsClients } from './peerjs-client.js'

/** The package `peerjs`, as far as it is used, and what is built on it. */
export interface PeerjsPackage {
  readonly Peer: PeerClass
  /** What the package found when it was loaded. */
  readonly util: { readonly supports: { readonly data: boolean } }
  readonly peerjsClients: typeof peerjsClients
}

/** Loads it: a file of its own, which bundlers split off. The script tag has another way in place of this one. */
export function loadPeerjs(): Promise<PeerjsPackage> {
  return import('./peerjs-package.js')
}
