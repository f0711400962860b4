import { hash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { joinedProtocol } from '../../src/wire/index.js'
import { disown } from './stream-owner.js'
import type { UpgradeRequest } from './upgrade-lane.js'

/** What a client's key is joined with before it is hashed (RFC 6455, 1.3). */
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** 16 bytes in base64. */
const plainKey = /^[+/0-9A-Za-z]{22}==$/

/** Tokens with a comma between them, and a blank at most (RFC 6455, 4.1; RFC 9110, 5.6.2). */
const plainProtocols = /^[\w!#$%&'*+.^`|~-]+(?:, ?[\w!#$%&'*+.^`|~-]+)*$/

/** Milliseconds that a peer whose upgrade is refused has to read the answer. */
const refusalPatience = 1_000

/** A server's half of the opening handshake. */
export interface HandshakeAnswer {
  /** The head of the response, in Latin-1. */
  readonly head: string
  /** The subprotocol that was picked; empty for none. */
  readonly protocol: string
}

/** Which of the offered subprotocols is spoken: the one that carries a join, or the first. */
export function pickProtocol(offered: Iterable<string>): string | false {
  let first: string | undefined
  for (const name of offered) {
    if (name === joinedProtocol) return name
    first ??= name
  }
  return first ?? false
}

/**
 * Answers an upgrade of today's version as `ws` would, byte for byte, where nothing is wrong with it and its headers
 * are as browsers write them. Undefined for any other, which `ws` then judges.
 */
export function answerHandshake({ method, headers }: UpgradeRequest): HandshakeAnswer | undefined {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return undefined
  const key = headers['sec-websocket-key']
  if (key === undefined || !plainKey.test(key) || headers['sec-websocket-version'] !== '13') return undefined
  const offered = headers['sec-websocket-protocol']
  let protocol = ''
  if (offered !== undefined) {
    if (!plainProtocols.test(offered)) return undefined
    const names = offered.split(',').map((name) => name.trim())
    if (names.some((name, index) => names.indexOf(name) < index)) return undefined
    protocol = pickProtocol(names) || ''
  }
  const head =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${hash('sha1', key + magic, 'base64')}\r\n` +
    `${protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`}\r\n`
  return { head, protocol }
}

/** Answers an upgrade that is not wanted, in HTTP, and closes. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  disown(socket)
  socket.on('error', () => {})
  // Node keeps the half of a peer that never closes its own open for ever, and no limit counts it any more.
  socket.once('finish', () => socket.destroy())
  // Nor does a peer that reads nothing hold it open: an HTTP server that closes waits for it.
  const cut = setTimeout(() => socket.destroy(), refusalPatience)
  socket.once('close', () => clearTimeout(cut))
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
