import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Connection, PeerSocket } from '../rooms/index.js'

/** The close code for a message over the limit (RFC 6455, 7.4.1). */
const messageTooBig = 1009

/** Milliseconds from our close frame until a socket is cut whose peer does not answer it. */
const closePatience = 5_000

/**
 * Bytes unread by a peer at which its pings are answered no more but end it: it asks and does not listen, and
 * no limit of the door counts its pings.
 */
const mostUnreadPongs = 16 * 1024

/**
 * A `ws` socket whose events go straight to the peer's end of it: a listener for each would cost a table of 256
 * bytes and four calls with every connection, and another call with every frame.
 *
 * It also tells of a frame over the limit before it closes for it: `ws` itself closes first and tells then, when
 * the peer can no longer be told why.
 */
export class ServerWebSocket extends WebSocket {
  /** Set by {@link plug}. */
  plugged: NodeSocket | undefined

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { plugged } = this
    if (plugged === undefined) return false
    switch (event) {
      case 'message':
        plugged.message(first as Buffer, second === true)
        return true
      case 'ping':
        if (this.bufferedAmount > mostUnreadPongs) this.terminate()
        else if (this.readyState === WebSocket.OPEN) this.pong(first as Buffer)
        return true
      case 'pong':
        plugged.connection?.alive()
        return true
      case 'close':
        plugged.closed()
        return true
      default:
        // 'open' was before; after an 'error', a broken frame or a lost connection, 'close' follows.
        return false
    }
  }

  override close(code?: number, data?: string | Buffer): void {
    if (code === messageTooBig) {
      this.plugged?.connection?.malformed('frame-too-long', 'the frame is over the limit')
    }
    super.close(code, data)
  }
}

/** One peer's socket over `ws`, as the rooms want it. */
export class NodeSocket implements PeerSocket {
  readonly address: string
  /** False for a door that speaks in text frames. */
  readonly binary: boolean
  /** Called once, with the address, when the socket is closed. */
  readonly gone: (address: string) => void
  /** The door's end of it. */
  connection: Connection | undefined
  readonly #socket: ServerWebSocket
  readonly #stream: Duplex
  #isCorked = false
  #pausedUntil = 0
  #resume: NodeJS.Timeout | undefined
  #cutLater: NodeJS.Timeout | undefined

  constructor(
    socket: ServerWebSocket,
    stream: Duplex,
    address: string,
    binary: boolean,
    gone: (address: string) => void,
  ) {
    this.#socket = socket
    this.#stream = stream
    this.binary = binary
    this.gone = gone
    this.address = address
  }

  get buffered(): number {
    return this.#socket.bufferedAmount
  }

  send(frame: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    // What one chunk of incoming frames causes leaves in one system call, not in one for each.
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#stream.cork()
      process.nextTick(uncork, this)
    }
    this.#socket.send(frame, { binary: this.binary })
  }

  /** Lets what was sent in this turn leave. */
  flush(): void {
    this.#isCorked = false
    this.#stream.uncork()
  }

  probe(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping()
  }

  pause(milliseconds: number): void {
    const until = performance.now() + milliseconds
    if (until <= this.#pausedUntil) return
    this.#pausedUntil = until
    this.#socket.pause()
    clearTimeout(this.#resume)
    this.#resume = setTimeout(() => this.#socket.resume(), milliseconds)
  }

  end(code: number, reason: string): void {
    // The peer's answer to the close has to be read.
    this.#pausedUntil = Number.POSITIVE_INFINITY
    clearTimeout(this.#resume)
    this.#socket.resume()
    this.#socket.close(code, reason)
    this.#cutLater ??= setTimeout(() => this.#socket.terminate(), closePatience)
  }

  cut(): void {
    this.#socket.terminate()
  }

  message(data: Buffer, isBinary: boolean): void {
    if (isBinary === this.binary) this.connection?.receive(data)
    else this.connection?.malformed('bad-frame', `frames must be ${this.binary ? 'binary' : 'text'}`)
  }

  closed(): void {
    clearTimeout(this.#resume)
    clearTimeout(this.#cutLater)
    this.connection?.closed()
    this.gone(this.address)
  }
}

function uncork(socket: NodeSocket): void {
  socket.flush()
}

/**
 * Lets a door have a socket.
 * @param stream - what it was upgraded from
 * @param binary - which frames the door takes; others are malformed
 * @param gone - called once, with the address, when the socket is closed
 */
export function plug(
  socket: ServerWebSocket,
  stream: Duplex,
  address: string,
  binary: boolean,
  connect: (socket: PeerSocket) => Connection,
  gone: (address: string) => void,
): Connection {
  const peer = new NodeSocket(socket, stream, address, binary, gone)
  // Before the door sees it: a door may close it at once.
  socket.plugged = peer
  peer.connection = connect(peer)
  return peer.connection
}

/** Answers an upgrade that is not wanted, in HTTP, and closes. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => {})
  // Node keeps the half of a peer that never closes its own open for ever, and no limit counts it any more.
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
