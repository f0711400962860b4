import type { PeerjsPackage } from '../links/adapters/load-peerjs.js'
import { beside } from './script-tag.js'

/** In place of `load-peerjs.ts` in the script tag: the file stands beside it, and a script from elsewhere has no other base. */
export function loadPeerjs(): Promise<PeerjsPackage> {
  return import(/* @vite-ignore */ beside('ringmesh.peerjs.js'))
}
