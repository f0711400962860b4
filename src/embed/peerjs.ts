/**
 * Signalling by a stock PeerServer. The script tag loads this file when a page joins with `peerjs(…)`.
 *
 * @module
 */
export { version } from '../../package.json'
export { openPeerjs } from '../links/adapters/peerjs.js'
