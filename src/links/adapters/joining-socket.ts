import { joinedProtocol, joinProtocols } from '../../wire/index.js'
import {
  onEnd,
  type StandardWebSocket,
  type StandardWebSocketClass,
  sendFrame,
} from './standard-web-socket.js'

/** What a socket tells whoever joins over it. */
export interface JoiningEvents {
  data(socket: StandardWebSocket, data: unknown): void
  /**
   * May be called twice.
   *
   * @param isUpgradeRefused - it never opened, and had asked for subprotocols: without them it may
   */
  closed(socket: StandardWebSocket, problem: string, isUpgradeRefused: boolean): void
}

/**
 * Opens a socket and asks to join over it: within the request itself, as subprotocols, and by a frame
 * where the server did not take those.
 *
 * @param join - the encoded message
 * @param byFrame - in a frame only
 * @throws where `url` is none of a WebSocket
 */
export function openJoining(
  WebSocket: StandardWebSocketClass,
  url: string,
  join: Uint8Array<ArrayBuffer>,
  byFrame: boolean,
  events: JoiningEvents,
): StandardWebSocket {
  const protocols = byFrame ? [] : joinProtocols(join)
  const socket = new WebSocket(url, protocols)
  socket.binaryType = 'arraybuffer'
  let isOpen = false
  socket.onopen = () => {
    isOpen = true
    if (socket.protocol !== joinedProtocol) sendFrame(socket, join)
  }
  socket.onmessage = ({ data }: { data: unknown }) => events.data(socket, data)
  onEnd(socket, (problem) => events.closed(socket, problem, !isOpen && protocols.length > 0))
  return socket
}
