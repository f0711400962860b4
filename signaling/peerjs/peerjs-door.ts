import type { Runtime } from '../../src/runtime/index.js'
import type {
  Admission,
  Announcements,
  Connection,
  Directory,
  PeerSocket,
  SignalLimits,
  Sockets,
  Tally,
} from '../rooms/index.js'
import { PeerJsConnection } from './peerjs-connection.js'
import { WaitingMessages } from './waiting-messages.js'

/** What a PeerJS client says of itself in the URL of its socket. */
export interface PeerJsCaller {
  readonly id: string | null
  readonly token: string | null
  readonly key: string | null
}

/** What a {@link PeerJsDoor} works with. */
export interface PeerJsDoorOptions {
  readonly runtime: Runtime
  readonly limits: SignalLimits
  readonly tally: Tally
  readonly directory: Directory
  readonly sockets: Sockets
  readonly admission: Admission
  /** The API key that clients have to name; all that do are in one room. */
  readonly key: string
  /** A digest of a client's token, by which it is known again; the token itself is not kept. */
  readonly digest: (token: string) => Uint8Array
}

/**
 * The door for stock PeerJS clients: the protocol of PeerServer, which is JSON in text frames.
 *
 * Where it differs from PeerServer, it is on purpose: a client that comes back on a new socket is
 * told OPEN again; a frame that is no JSON ends that socket and nothing else; messages for somebody
 * who has not come yet are bounded; and only the server says EXPIRE.
 */
export class PeerJsDoor {
  readonly options: PeerJsDoorOptions
  readonly waiting: WaitingMessages
  readonly room: string
  /** Peers are not told of each other here; that somebody came is noted for the messages that wait for them. */
  readonly announcements: Announcements
  #draining = false

  constructor(options: PeerJsDoorOptions) {
    this.options = options
    this.room = `peerjs/${options.key}`
    this.waiting = new WaitingMessages(options.runtime, (to, frame) =>
      options.directory.deliver(this.room, to, frame),
    )
    this.announcements = {
      entered: ({ id }) => {
        this.waiting.arrived(id)
        return undefined
      },
      left: () => undefined,
    }
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Takes a new socket in; its frames go to the connection from now on. */
  connect(socket: PeerSocket, caller: PeerJsCaller): Connection {
    const { sockets } = this.options
    const guarded = sockets.guard(socket)
    const connection = new PeerJsConnection(this, guarded)
    sockets.add(guarded, connection)
    connection.greet(caller)
    return connection
  }

  /** Lets nobody in any more; PeerJS has no word for those who are in. */
  drain(): void {
    this.#draining = true
  }

  /** The ids that are in, over all instances as far as is known here. */
  ids(): string[] {
    return this.options.directory.ids(this.room)
  }
}
