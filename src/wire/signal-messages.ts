import * as v from 'valibot'
import { defineMessage, priorities } from './message.js'
import { peerId, peerInfo } from './peer.js'

const { control } = priorities
const bytes = v.instance(Uint8Array)
const line = v.pipe(v.string(), v.maxLength(1024))

/** A room's name: 1 to 256 characters, and no half of one: several halves would be one and the same where servers meet. */
const room = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(256),
  v.regex(/^\P{Surrogate}*$/u, 'must be text'),
)

const iceServer = v.strictObject({
  urls: v.union([line, v.array(line)]),
  username: v.optional(line),
  credential: v.optional(line),
})

/** Between a peer and the signalling server, over one WebSocket, one message a binary frame. */
export const signalMessages = [
  // From the peer.
  /** The first frame: I am `peer` and want to be in `room`. The socket is closed if it does not come in time. */
  defineMessage(112, 'signal.join', control, {
    protocol: v.pipe(v.number(), v.integer()),
    room,
    peer: peerInfo,
    token: v.nullable(v.pipe(v.string(), v.maxLength(16 * 1024))),
  }),
  /** Carry this offer, answer or candidate (packed, never read by the server) to `to`. */
  defineMessage(113, 'signal.offer', control, { to: peerId, payload: bytes }),
  /** Carry this frame to `to`, with whom I have no direct link. */
  defineMessage(114, 'signal.relay', control, { to: peerId, frame: bytes }),
  /** I go of my own will: tell the others `clean`. */
  defineMessage(115, 'signal.leave', control, {}),
  /** Are you there? Sent when nothing else was; the server answers with `signal.pong`. */
  defineMessage(116, 'signal.ping', control, {}),

  // From the server.
  /** You are in; these are there already. Ice servers are those to use until the next welcome. */
  defineMessage(117, 'signal.welcome', control, {
    peers: v.array(peerInfo),
    iceServers: v.array(iceServer),
  }),
  /** You are not let in, and why; the socket closes. */
  defineMessage(118, 'signal.refused', control, {
    error: v.picklist(['Unauthorized', 'RoomFull', 'ProtocolMismatch', 'Busy', 'BadFrame']),
    detail: line,
  }),
  /** `peer` came into the room (again, if it had lost its socket). */
  defineMessage(119, 'signal.joined', control, { peer: peerInfo }),
  /** The socket of `peer` closed: a hint and never a verdict, unless `clean`, when it said so itself. */
  defineMessage(120, 'signal.closed', control, { peer: peerId, clean: v.boolean() }),
  /** From another peer: its `signal.offer`. */
  defineMessage(121, 'signal.offered', control, { from: peerId, payload: bytes }),
  /** From another peer: its `signal.relay`. */
  defineMessage(122, 'signal.relayed', control, { from: peerId, frame: bytes }),
  /** `to` of an offer or relay has no socket here. */
  defineMessage(123, 'signal.unreachable', control, { peer: peerId }),
  /** The server is about to go: keep your links, join again elsewhere or later. */
  defineMessage(124, 'signal.draining', control, {}),
  defineMessage(125, 'signal.pong', control, {}),
  /** The ice servers of the welcome are about to expire: use these for dials from now on. */
  defineMessage(126, 'signal.iceServers', control, { iceServers: v.array(iceServer) }),
] as const
