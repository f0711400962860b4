/** The door for stock PeerJS clients, with no socket in it. */
export { PeerJsDoor } from './peerjs-door.js'
export type { PeerJsCaller, PeerJsDoorOptions } from './peerjs-state.js'
