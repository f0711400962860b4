import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Connection, PeerSocket } from '../rooms/index.js'
import { FrameHeads } from './frame-heads.js'
import type { Reader, ReadingShare, ReadingTurns } from './reading-turns.js'

/** The close code for a message over the limit (RFC 6455, 7.4.1). */
const messageTooBig = 1009

/** Milliseconds from our close frame until a socket is cut whose peer does not answer it. */
const closePatience = 5_000

/** Milliseconds that a peer whose upgrade is refused has to read the answer. */
const refusalPatience = 1_000

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
        // What is left over of a socket that is gone is not worth the time of the others.
        if (this.readyState === WebSocket.OPEN) plugged.message(first as Buffer, second === true)
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

/** Where a stream's {@link NodeSocket} is found: a closure for each would cost every idle peer 100 bytes. */
const plugged = Symbol('plugged')

type PluggedStream = Duplex & { [plugged]?: NodeSocket }

/** What reads a stream for `ws`; the same function for all. */
type StreamReader = (this: Duplex, chunk: Buffer) => void

/** What the sockets of one server share. */
export interface SocketHost {
  readonly turns: ReadingTurns
  /** Called once, with the address, when a socket is closed. */
  gone(address: string): void
}

/** One peer's socket over `ws`, as the rooms want it. */
export class NodeSocket implements PeerSocket, Reader {
  readonly address: string
  /** False for a door that speaks in text frames. */
  readonly binary: boolean
  /** The door's end of it. */
  connection: Connection | undefined
  readonly #host: SocketHost
  readonly #share: ReadingShare
  /** Made when the first frame comes, which of an idle peer none does. */
  #heads: FrameHeads | undefined
  readonly #socket: ServerWebSocket
  readonly #stream: Duplex
  #isCorked = false
  #isDropping = false
  #pausedUntil = 0
  #resume: NodeJS.Timeout | undefined
  #cutLater: NodeJS.Timeout | undefined

  constructor(
    socket: ServerWebSocket,
    stream: Duplex,
    address: string,
    binary: boolean,
    host: SocketHost,
    share: ReadingShare,
  ) {
    this.#socket = socket
    this.#stream = stream
    this.binary = binary
    this.#host = host
    this.#share = share
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
    this.#keepsUnread()
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

  /** Gives as much of what came to `ws` as this address may have read now; the rest waits in the stream. */
  data(chunk: Buffer, read: StreamReader): void {
    const stream = this.#stream
    // Read from the buffer of a stream that is closed, which `ws` does by itself.
    if (stream.destroyed) return
    const { turns } = this.#host
    this.#heads ??= new FrameHeads()
    const { end, frames } = this.#heads.read(chunk, turns.granted(this.#share))
    if (frames > 0) turns.took(this.#share, frames)
    if (end === chunk.byteLength) {
      read.call(stream, chunk)
      return
    }
    if (end > 0) read.call(stream, chunk.subarray(0, end))
    if (stream.destroyed) return
    this.#keepsUnread()
    stream.pause()
    stream.unshift(chunk.subarray(end))
    turns.wait(this.#share, this)
  }

  /** When the stream is closed, what it keeps is dropped: `ws` would read it all in one go. */
  #keepsUnread(): void {
    if (this.#isDropping) return
    this.#isDropping = true
    this.#stream.prependListener('close', drop)
  }

  readOn(): void {
    if (!this.#socket.isPaused && !this.#stream.destroyed) this.#stream.resume()
  }

  message(data: Buffer, isBinary: boolean): void {
    if (isBinary === this.binary) this.connection?.receive(data)
    else this.connection?.malformed('bad-frame', `frames must be ${this.binary ? 'binary' : 'text'}`)
  }

  closed(): void {
    clearTimeout(this.#resume)
    clearTimeout(this.#cutLater)
    this.#host.turns.forget(this.#share, this)
    this.connection?.closed()
    this.#host.gone(this.address)
  }
}

function drop(this: Duplex): void {
  this.read()
}

function uncork(socket: NodeSocket): void {
  socket.flush()
}

/** Stands between a stream and what `ws` reads it with. */
function readByTurns(this: PluggedStream, chunk: Buffer): void {
  if (readByWs !== undefined) this[plugged]?.data(chunk, readByWs)
}
let readByWs: StreamReader | undefined

/**
 * Lets a door have a socket.
 * @param stream - what it was upgraded from
 * @param share - what its address may be read
 * @param binary - which frames the door takes; others are malformed
 */
export function plug(
  socket: ServerWebSocket,
  stream: Duplex,
  address: string,
  binary: boolean,
  connect: (socket: PeerSocket) => Connection,
  host: SocketHost,
  share: ReadingShare,
): Connection {
  const peer = new NodeSocket(socket, stream, address, binary, host, share)
  readByWs ??= stream.listeners('data')[0] as StreamReader
  stream.removeListener('data', readByWs)
  ;(stream as PluggedStream)[plugged] = peer
  stream.on('data', readByTurns)
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
  // Nor does a peer that reads nothing hold it open: an HTTP server that closes waits for it.
  const cut = setTimeout(() => socket.destroy(), refusalPatience)
  socket.once('close', () => clearTimeout(cut))
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
