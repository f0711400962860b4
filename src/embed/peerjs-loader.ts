import type { PeerjsPackage } from '../links/adapters/load-peerjs.js'
import { loadModule } from './load-module.js'

/** The hash of `ringmesh.peerjs.js`, put here by the build (integrity.plugin.ts). */
declare const peerjsIntegrity: string

/** In place of `load-peerjs.ts` in the script tag: the file stands beside it, and a script from elsewhere has no other base. */
export function loadPeerjs(): Promise<PeerjsPackage> {
  return loadModule('ringmesh.peerjs.js', peerjsIntegrity)
}
