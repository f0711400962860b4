import { connect, type Socket } from 'node:net'

const nothing = Buffer.alloc(0)

/** A frame of a client: masked, as clients have to, with a key of zeros, which changes nothing and costs nothing. */
export function clientFrame(payload: Uint8Array, isText: boolean): Buffer {
  const { byteLength } = payload
  const wide = byteLength > 125
  const frame = Buffer.alloc((wide ? 4 : 2) + 4 + byteLength)
  frame[0] = isText ? 0x81 : 0x82
  frame[1] = 0x80 | (wide ? 126 : byteLength)
  if (wide) frame.writeUInt16BE(byteLength, 2)
  frame.set(payload, frame.byteLength - byteLength)
  return frame
}

/**
 * A client that costs next to nothing, so that it is the server that is measured: a bare socket that
 * counts the frames which it gets and reads none.
 */
export class LoadClient {
  readonly #socket: Socket
  readonly #frame: () => void
  #isOpen = false
  /** Bytes of the frame at hand that are still to come. */
  #left = 0
  #head = nothing

  /**
   * @param path - with the query, where there is one
   * @param headers - lines of the request beyond those of every client, each with its end
   * @param frame - a frame came, whole
   */
  constructor(port: number, path: string, headers: string, frame: () => void) {
    this.#frame = frame
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#take(chunk))
    this.#socket.on('error', (error) => {
      // Nothing is measured with clients that were not let in.
      if (!this.#isOpen) throw error
    })
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`,
    )
  }

  send(frame: Buffer): void {
    this.#socket.write(frame)
  }

  /** Resets the connection: a closed one would hold its port for a minute, and thousands of them all ports there are. */
  close(): void {
    this.#socket.resetAndDestroy()
  }

  #take(chunk: Buffer): void {
    let at = 0
    if (!this.#isOpen) {
      const end = chunk.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!chunk.subarray(0, end).toString('latin1').startsWith('HTTP/1.1 101')) {
        throw new Error(chunk.subarray(0, 30).toString('latin1'))
      }
      this.#isOpen = true
      at = end + 4
    }
    while (at < chunk.byteLength) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.byteLength - at)
        this.#left -= taken
        at += taken
        if (this.#left === 0) this.#frame()
        continue
      }
      // A head is 2 to 10 bytes and may be cut by the end of a chunk.
      const before = this.#head.byteLength
      const head =
        before === 0 ? chunk.subarray(at, at + 10) : Buffer.concat([this.#head, chunk.subarray(at, at + 10)])
      const known = lengthsOf(head)
      if (known === undefined) {
        this.#head = Buffer.from(head)
        return
      }
      at += known.head - before
      this.#left = known.payload
      this.#head = nothing
      if (this.#left === 0) this.#frame()
    }
  }
}

/** The lengths of a server's frame and of its head; undefined while the head is not whole. */
function lengthsOf(head: Buffer): { head: number; payload: number } | undefined {
  const short = head[1]
  if (short === undefined) return undefined
  if (short < 126) return { head: 2, payload: short }
  if (short === 126) return head.byteLength < 4 ? undefined : { head: 4, payload: head.readUInt16BE(2) }
  return head.byteLength < 10 ? undefined : { head: 10, payload: Number(head.readBigUInt64BE(2)) }
}
