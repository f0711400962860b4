import type { PeerjsPackage } from '../links/adapters/load-peerjs.js'

/** Where the script tag came from: known only while it runs for the first time. */
const script = (globalThis.document?.currentScript as HTMLScriptElement | null | undefined)?.src

/** In place of `load-peerjs.ts` in the script tag: the file stands beside it, and a script from elsewhere has no other base. */
export function loadPeerjs(): Promise<PeerjsPackage> {
  return import(/* @vite-ignore */ new URL('ringmesh.peerjs.js', script).href)
}
