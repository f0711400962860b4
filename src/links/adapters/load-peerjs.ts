/** The package `peerjs` and what is built on it. */
export type PeerjsPackage = typeof import('./peerjs-package.js')

/** Loads it: a file of its own, which bundlers split off. The script tag has another way in place of this one. */
export function loadPeerjs(): Promise<PeerjsPackage> {
  return import('./peerjs-package.js')
}
