/** The door for stock PeerJS clients, with no socket in it. */
export { type PeerJsCaller, PeerJsDoor, type PeerJsDoorOptions } from './peerjs-door.js'
