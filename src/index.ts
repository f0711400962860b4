/**
 * ringmesh in a browser. The same names as in Node; only `join` knows where it is.
 *
 * @module
 */
import { browserPlatform } from './api/browser.js'
import { joinOn } from './api/join.js'
import { loadPeerjs } from './links/adapters/load-peerjs.js'
import { peerjsOn } from './links/adapters/peerjs.js'
import type { StandardWebSocket } from './links/adapters/standard-web-socket.js'

export * from './api/public.js'

/**
 * Joins the mesh of a room; resolves when this peer is `alive`, linked to the others and holds its
 * share of the state.
 *
 * @throws {InvalidOption} naming the option and its value
 * @throws {RingmeshError} `SignalUnreachable`, `Unauthorized`, `RoomFull`, `ProtocolMismatch`
 *
 * @example
 * ```ts
 * const mesh = await join({ signal: 'ws://localhost:9000', room: 'demo' })
 * ```
 */
export const join = joinOn(browserPlatform)

/**
 * Signalling by any stock PeerServer, with no ringmesh server at all, for `join({ signal: peerjs(…) })`.
 * Direct links are DataConnections of the package `peerjs`, which is loaded only now, by `join`.
 *
 * @example
 * ```ts
 * const mesh = await join({ signal: peerjs({ host: 'localhost', port: 9000 }), room: 'demo' })
 * ```
 */
export const peerjs = /* @__PURE__ */ peerjsOn(
  globalThis.WebSocket as new (
    url: string,
  ) => StandardWebSocket,
  loadPeerjs,
)
