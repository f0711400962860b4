/**
 * What is loaded, in a browser, only when it is used: the package `peerjs`, and what is built on it.
 *
 * @module
 */
export { Peer, util } from 'peerjs'
export { peerjsClients } from './peerjs-client.js'
