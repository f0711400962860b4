import { encodeMessage, joinProtocols, protocolVersion } from '../../src/wire/index.js'
import { tab } from './raw-peer.js'

/** The head of a request for a WebSocket, as a bare socket writes it; `lines` are its further headers. */
export function upgradeRequest(path = '/', ...lines: string[]): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...lines,
    '\r\n',
  ].join('\r\n')
}

/** A join, as a frame. */
export function joinMessage(id: string, room: string): Uint8Array {
  return encodeMessage({ type: 'signal.join', protocol: protocolVersion, room, peer: tab(id), token: null })
}

/** A request with a join in it, which lets the peer in at once. */
export function joinRequest(id: string, room: string): string {
  const protocols = joinProtocols(joinMessage(id, room))
  return upgradeRequest('/', `Sec-WebSocket-Protocol: ${protocols.join(', ')}`)
}
