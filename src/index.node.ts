/**
 * ringmesh in Node. The same names as in a browser; only `join` knows where it is.
 *
 * @module
 */
import { WebSocket } from 'ws'
import { joinOn } from './api/join.js'
import { nodePlatform } from './api/node.js'
import { peerjsOn } from './links/adapters/peerjs.js'

export * from './api/public.js'

/**
 * Joins the mesh of a room as an edge worker; resolves when this peer is `alive`, linked to the
 * others and holds its share of the state.
 *
 * @throws {InvalidOption} naming the option and its value
 * @throws {RingmeshError} `SignalUnreachable`, `Unauthorized`, `RoomFull`, `ProtocolMismatch`
 *
 * @example
 * ```ts
 * const mesh = await join({ signal: 'ws://localhost:9000', room: 'demo' })
 * ```
 */
export const join = joinOn(nodePlatform)

/**
 * Signalling by any stock PeerServer, with no ringmesh server at all, for `join({ signal: peerjs(…) })`.
 *
 * @example
 * ```ts
 * const mesh = await join({ signal: peerjs({ host: 'localhost', port: 9000 }), room: 'demo' })
 * ```
 */
export const peerjs = peerjsOn(WebSocket)
