import type { Connection, PeerSocket } from '../rooms/index.js'
import { PeerJsConnection } from './peerjs-connection.js'
import { type PeerJsCaller, type PeerJsDoorOptions, PeerJsState } from './peerjs-state.js'

/**
 * The door for stock PeerJS clients: the protocol of PeerServer, which is JSON in text frames.
 *
 * Where it differs from PeerServer, it is on purpose: a client that comes back on a new socket is
 * told OPEN again; a frame that is no JSON ends that socket and nothing else; messages for somebody
 * who has not come yet are bounded; only the server says EXPIRE; a number for an id stands for its digits; and an
 * instance that has its limit of connections says so before the upgrade.
 */
export class PeerJsDoor {
  readonly #state: PeerJsState

  constructor(options: PeerJsDoorOptions) {
    this.#state = new PeerJsState(options)
  }

  /** Takes a new socket in; its frames go to the connection from now on. */
  connect(socket: PeerSocket, caller: PeerJsCaller): Connection {
    const { sockets } = this.#state.options
    const guarded = sockets.guard(socket)
    const connection = new PeerJsConnection(this.#state, guarded)
    sockets.add(guarded, connection)
    connection.greet(caller)
    return connection
  }

  /** Lets nobody in any more; PeerJS has no word for those who are in. */
  drain(): void {
    this.#state.draining = true
  }

  /** The ids that are in, over all instances as far as is known here. */
  ids(): string[] {
    return this.#state.options.directory.ids(this.#state.room)
  }
}
