import type { Runtime } from '../../src/runtime/index.js'
import type { Admission, Announcements, Directory, Sockets, Tally } from '../rooms/index.js'
import { WaitingMessages } from './waiting-messages.js'

/** What a PeerJS client says of itself in the URL of its socket. */
export interface PeerJsCaller {
  readonly id: string | null
  readonly token: string | null
  readonly key: string | null
}

/** What the door works with. */
export interface PeerJsDoorOptions {
  readonly runtime: Runtime
  readonly tally: Tally
  readonly directory: Directory
  readonly sockets: Sockets
  readonly admission: Admission
  /** The API key that clients have to name; all that do are in one room. */
  readonly key: string
  /** A digest of a client's token, by which it is known again; the token itself is not kept. */
  readonly digest: (token: string) => Uint8Array
}

/** What all connections of PeerJS clients share. */
export class PeerJsState {
  readonly options: PeerJsDoorOptions
  readonly waiting: WaitingMessages
  readonly room: string
  /** Peers are not told of each other here; that somebody came is noted for the messages that wait for them. */
  readonly announcements: Announcements
  /** Nobody is let in any more. */
  draining = false

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
      emptied: () => {},
    }
  }
}
