import { decode } from '@msgpack/msgpack'
import * as v from 'valibot'
import type { Runtime } from '../../src/runtime/index.js'
import { encodeMessage, type Message, type PeerInfo, peerId, peerInfo } from '../../src/wire/index.js'
import type { Admission } from './admission.js'
import type { Directory } from './directory.js'
import type { SignalLimits } from './limits.js'
import type { Announcements, LocalPeer, Present } from './present.js'
import { RelayRates } from './relay-rates.js'
import type { Sockets } from './sockets.js'
import type { Tally } from './tally.js'

type Welcome = Extract<Message, { type: 'signal.welcome' }>

/** The ICE servers for one peer, and when to hand out fresh ones. */
export interface IceGrant {
  readonly servers: Welcome['iceServers']
  /** Milliseconds after which the peer is given new ones; undefined for never. */
  readonly renewAfter?: number | undefined
}

/** What the rooms work with. */
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

/** A peer at this instance that has said who it is. */
export interface DescribedPeer extends LocalPeer {
  /** What it said of itself; undefined before. */
  readonly described: PeerInfo | undefined
}

/** Room names of this door on the bus start so, and those of other doors do not. */
const scope = 'mesh/'

/** What all connections to the rooms share. */
export class RoomsState {
  readonly options: RoomsOptions
  readonly announcements: Announcements
  readonly relayRates: RelayRates
  /** Peers are told to go elsewhere, and nobody is let in any more. */
  draining = false
  /** What presences at other instances say, parsed once for each, however many peers are told of it. */
  readonly #elsewhere = new WeakMap<Present, PeerInfo>()

  constructor(options: RoomsOptions) {
    this.options = options
    this.relayRates = new RelayRates(options.limits.relayBytesPerSecond)
    this.announcements = {
      entered: (presence) => {
        const peer = this.peerOf(presence)
        return peer && encodeMessage({ type: 'signal.joined', peer })
      },
      // An id that is none came over the bus from who knows whom; no peer would take the message.
      left: (peer, clean) =>
        v.is(peerId, peer) ? encodeMessage({ type: 'signal.closed', peer, clean }) : undefined,
      emptied: (room) => this.relayRates.forget(room),
    }
  }

  /** The name under which the directory knows a room: one string for all that are in it. */
  nameOf(room: string): string {
    const name = scope + room
    return this.options.directory.nameOf(name) ?? name
  }

  /** What peers call the room of this name. */
  roomOf(name: string): string {
    return name.slice(scope.length)
  }

  /** What a presence says of its peer; undefined where another instance sent nonsense. */
  peerOf(present: Present): PeerInfo | undefined {
    if (present.peer !== undefined) return (present.peer as DescribedPeer).described
    const known = this.#elsewhere.get(present)
    if (known !== undefined) return known
    const parsed = v.safeParse(peerInfo, unpacked(present.info))
    if (!parsed.success || parsed.output.id !== present.id) return undefined
    this.#elsewhere.set(present, parsed.output)
    return parsed.output
  }
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}
