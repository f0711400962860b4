/** What travels between peers: every message, its codec, and the limits that come before parsing. */
export { decodeMessage, encodeForSending, encodeMessage } from './codec.js'
export { EncodedMessage } from './encoded-message.js'
export { joinedProtocol, joinOffered, joinProtocols } from './join-protocols.js'
export { limits } from './limits.js'
export {
  type AnyMessageDefinition,
  defineMessage,
  type MessageOf,
  type Priority,
  priorities,
} from './message.js'
export { type Message, type MessageType, messageDefinition } from './messages.js'
export { packValue } from './pack-value.js'
export { type Part, type PartFrame, partFrameLength, readPartFrame, writePartFrame } from './part-frames.js'
export { type PeerId, type PeerInfo, type PeerKind, peerId, peerInfo } from './peer.js'
export { protocolVersion } from './protocol-version.js'
export { unpackValue } from './unpack-value.js'
