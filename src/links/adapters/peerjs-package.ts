/**
 * What is loaded, in a browser, only when it is used: the package `peerjs`, and what is built on it.
 *
 * @module
 */
export { Peer, util } from 'peerjs'
export { type PeerClass, peerjsClients } from './peerjs-client.js'
