import type { Runtime } from '../../runtime/index.js'
import type { PeerServerClients } from './peer-server-transport.js'

/**
 * A Peer of PeerJS, as far as it is looked at here. Its own types cannot be part of ours: they do not
 * resolve where a project is of ES modules and its libraries' types are checked.
 */
export interface AnyPeer {
  readonly options: {
    readonly host?: string
    readonly port?: number
    readonly path?: string
    readonly key?: string
    readonly secure?: boolean
  }
}

/** The class `Peer` of the package, or one derived from it. */
export type AnyPeerClass = new (id: string, options: object) => AnyPeer

/** The package `peerjs`, as far as it is used, and what is built on it. */
export interface PeerjsPackage {
  readonly Peer: AnyPeerClass
  /** What the package found when it was loaded. */
  readonly util: { readonly supports: { readonly data: boolean } }
  /** See `peerjs-client.ts`. */
  peerjsClients(
    Peer: AnyPeerClass,
    options: object,
    runtime: Runtime,
    unpack: (payload: Uint8Array) => unknown,
  ): PeerServerClients
}

/** Loads it: a file of its own, which bundlers split off. The script tag has another way in place of this one. */
export function loadPeerjs(): Promise<PeerjsPackage> {
  return import('./peerjs-package.js')
}
