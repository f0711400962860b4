import { createHash } from 'node:crypto'

/** A frame as long as a welcome to an empty room. */
const frame = `\x82\x03${'\0'.repeat(3)}`

/** The answer to an upgrade and the frame behind it, in Latin-1. */
export function answered(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n${frame}`
  )
}
