import { encodeMessage } from '../../src/wire/index.js'
import type { PeerSocket } from './connection.js'
import { RoomConnection } from './room-connection.js'
import { type RoomsOptions, RoomsState } from './rooms-state.js'

/**
 * The door for ringmesh's own peers: presence, offers, the relay of last resort, and hints, spoken in
 * `signal.*` messages. Knows no socket, clock or file: the Node server and the simulator bring them.
 *
 * ```
 *  peer            rooms                                   others
 *   │── signal.join ─▶ admission, limits, directory
 *   │◀─ signal.welcome ─┤─────────────── signal.joined ──────▶│
 *   │── signal.offer ──▶├─────────────── signal.offered ─────▶│
 *   ╳ (socket gone)     ├─────────────── signal.closed ──────▶│   a hint, never a verdict
 * ```
 */
export class Rooms {
  readonly #state: RoomsState

  constructor(options: RoomsOptions) {
    this.#state = new RoomsState(options)
  }

  /** Takes a new socket in; its frames go to the connection from now on. */
  connect(socket: PeerSocket): RoomConnection {
    const { sockets } = this.#state.options
    const guarded = sockets.guard(socket)
    const connection = new RoomConnection(this.#state, guarded)
    sockets.add(guarded, connection)
    return connection
  }

  get draining(): boolean {
    return this.#state.draining
  }

  /** Rooms whose relay rate is kept: those in which something was carried, as long as a peer is in them. */
  get ratedRooms(): number {
    return this.#state.relayRates.size
  }

  /** Tells all peers to go elsewhere and lets nobody in any more. */
  drain(): void {
    if (this.#state.draining) return
    this.#state.draining = true
    const frame = encodeMessage({ type: 'signal.draining' })
    this.#state.options.sockets.tellAll((owner) => (owner instanceof RoomConnection ? frame : undefined))
  }

  /** The name under which the directory knows a room. */
  nameOf(room: string): string {
    return this.#state.nameOf(room)
  }
}
