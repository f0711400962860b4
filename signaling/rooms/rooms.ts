import { decode } from '@msgpack/msgpack'
import * as v from 'valibot'
import type { Runtime } from '../../src/runtime/index.js'
import { encodeMessage, type Message, type PeerInfo, peerInfo } from '../../src/wire/index.js'
import type { Admission } from './admission.js'
import type { PeerSocket } from './connection.js'
import type { Announcements, Directory, Present } from './directory.js'
import type { SignalLimits } from './limits.js'
import { RoomConnection } from './room-connection.js'
import type { Sockets } from './sockets.js'
import type { Tally } from './tally.js'
import { TokenBucket } from './token-bucket.js'

type Welcome = Extract<Message, { type: 'signal.welcome' }>

/** The ICE servers for one peer, and when to hand out fresh ones. */
export interface IceGrant {
  readonly servers: Welcome['iceServers']
  /** Milliseconds after which the peer is given new ones; undefined for never. */
  readonly renewAfter?: number | undefined
}

/** What {@link Rooms} work with. */
export interface RoomsOptions {
  readonly runtime: Runtime
  readonly limits: SignalLimits
  readonly tally: Tally
  readonly directory: Directory
  readonly sockets: Sockets
  readonly admission: Admission
  /** Called at a peer's welcome and at every renewal. */
  readonly iceServers: (peer: PeerInfo) => IceGrant
}

/** Room names of this door on the bus start so, and those of other doors do not. */
const scope = 'mesh/'

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
  readonly options: RoomsOptions
  readonly announcements: Announcements
  readonly #relay = new Map<string, TokenBucket>()
  /** What presences at other instances say, parsed once for each, however many peers are told of it. */
  readonly #elsewhere = new WeakMap<Present, PeerInfo>()
  #draining = false

  constructor(options: RoomsOptions) {
    this.options = options
    this.announcements = {
      entered: (presence) => {
        const peer = this.peerOf(presence)
        return peer && encodeMessage({ type: 'signal.joined', peer })
      },
      left: (peer, clean) => encodeMessage({ type: 'signal.closed', peer, clean }),
    }
  }

  /** Takes a new socket in; its frames go to the connection from now on. */
  connect(socket: PeerSocket): RoomConnection {
    const { sockets } = this.options
    const guarded = sockets.guard(socket)
    const connection = new RoomConnection(this, guarded)
    sockets.add(guarded, connection)
    return connection
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Tells all peers to go elsewhere and lets nobody in any more. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    const frame = encodeMessage({ type: 'signal.draining' })
    this.options.sockets.tellAll((owner) => (owner instanceof RoomConnection ? frame : undefined))
  }

  /** The name under which the directory knows a room: one string for all that are in it. */
  nameOf(room: string): string {
    const name = scope + room
    return this.options.directory.nameOf(name) ?? name
  }

  /** What a presence says of its peer; undefined where another instance sent nonsense. */
  peerOf(present: Present): PeerInfo | undefined {
    if (present.peer instanceof RoomConnection) return present.peer.described
    const known = this.#elsewhere.get(present)
    if (known !== undefined) return known
    const parsed = v.safeParse(peerInfo, unpacked(present.info))
    if (!parsed.success || parsed.output.id !== present.id) return undefined
    this.#elsewhere.set(present, parsed.output)
    return parsed.output
  }

  /** Notes bytes relayed in a room and answers how long their sender has to wait, in milliseconds. */
  relayed(room: string, bytes: number, now: number): number {
    let bucket = this.#relay.get(room)
    if (bucket === undefined) {
      const rate = this.options.limits.relayBytesPerSecond
      bucket = new TokenBucket(rate, 2 * rate, now)
      this.#relay.set(room, bucket)
    }
    return bucket.take(bytes, now)
  }

  /** A peer left a room: what is kept for a room that is empty now is dropped. */
  tidy(room: string): void {
    if (this.options.directory.population(room) === 0) this.#relay.delete(room)
  }
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}
