import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ServerOptions, WebSocket } from 'ws'
import type { Connection, PeerSocket } from '../rooms/index.js'
import { FrameHeads } from './frame-heads.js'
import type { LaterWork, Worker } from './later-work.js'
import type { Reader, ReadingShare, ReadingTurns } from './reading-turns.js'
import { opcodes, serverFrame } from './server-frame.js'
import { own, ownDataOnly, type StreamOwner, takeDataListener } from './stream-owner.js'

/** The close code for a message over the limit (RFC 6455, 7.4.1). */
const messageTooBig = 1009

/** Milliseconds from our close frame until a socket is cut whose peer does not answer it. */
const closePatience = 5_000

/**
 * Bytes unread by a peer at which its pings are answered no more but end it: it asks and does not listen, and
 * no limit of the door counts its pings.
 */
const mostUnreadPongs = 16 * 1024

const nothing = Buffer.alloc(0)

/** The way in which the server of `ws` gives a socket its stream; not declared, as others are not meant to. */
interface TakesStreams {
  setSocket(stream: Duplex, head: Buffer, options: ServerOptions): void
}

/** Whether `ws` can be given a stream later than at its upgrade; a version that cannot is given all of them at once. */
export const canTakeLater = 'setSocket' in WebSocket.prototype

/**
 * A `ws` socket whose events go straight to the peer's end of it: a listener for each would cost a table of 256
 * bytes and four calls with every connection, and another call with every frame.
 *
 * It also tells of a frame over the limit before it closes for it: `ws` itself closes first and tells then, when
 * the peer can no longer be told why.
 */
export class ServerWebSocket extends WebSocket {
  /** Set before anything is read. */
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
        plugged.pinged(first as Buffer)
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

/** Bytes that are read of what waits, at one go: less than where `ws` and Node's streams call a buffer full, 16 KiB. */
const pieceLength = 16 * 1024 - 1

/** Reads for all who are between two frames: one for each would cost every idle peer 50 bytes. */
let betweenFrames = new FrameHeads()

/** What reads a stream for `ws`; the same function for all. */
let readByWs: ((this: Duplex, chunk: Buffer) => void) | undefined

/** What the sockets of one server share. */
export interface SocketHost {
  readonly turns: ReadingTurns
  readonly laterWork: LaterWork
  readonly webSocketOptions: ServerOptions
  /** Called once, with the address, when a socket is closed and its door knows. */
  gone(address: string): void
}

/**
 * One peer's socket, as the rooms want it.
 *
 * Until the peer says something it is asleep: frames to it are written here, and `ws`, whose parser and listeners
 * cost more than all else of a join, is not there yet. It is woken by the first bytes that come, or when it is to be
 * closed in good order. What a peer says is read by `ws` alone.
 */
export class NodeSocket implements PeerSocket, Reader, Worker, StreamOwner {
  readonly address: string
  /** False for a door that speaks in text frames. */
  readonly binary: boolean
  /** The door's end of it. */
  connection: Connection | undefined
  readonly #host: SocketHost
  readonly #share: ReadingShare
  /** While the peer is in the middle of a frame. */
  #heads: FrameHeads | undefined
  readonly #stream: Duplex
  /** Undefined while the socket is asleep. */
  #webSocket: ServerWebSocket | undefined
  /** What leaves together with the answer to the upgrade, and that first of all; undefined when it has left. */
  #held: Uint8Array[] | undefined
  #isCorked = false
  #isDropping = false
  /** Its peer has not answered the close in time. */
  #isOverdue = false
  #isGone = false
  #pausedUntil = 0
  #resume: NodeJS.Timeout | undefined
  #cutLater: NodeJS.Timeout | undefined

  /** @param share - what its address may be read */
  constructor(stream: Duplex, address: string, binary: boolean, host: SocketHost, share: ReadingShare) {
    this.#stream = stream
    this.address = address
    this.binary = binary
    this.#host = host
    this.#share = share
  }

  /**
   * Lets a door have the socket, asleep.
   * @param answer - the head of the response to the upgrade, in Latin-1: what the door says at once leaves with it
   * @param first - what came behind the request
   */
  openAsleep(answer: string, first: Buffer, connect: (socket: PeerSocket) => Connection): void {
    own(this.#stream, this)
    if (first.byteLength > 0) {
      // Put back while nobody reads, so that it comes first, and after the answer.
      this.#stream.pause()
      this.#stream.unshift(first)
      this.#stream.resume()
    }
    this.#held = [Buffer.from(answer, 'latin1')]
    this.connection = connect(this)
    this.#letGo()
  }

  /** Lets a door have the socket, whose upgrade was answered by `ws`. */
  openAwake(webSocket: ServerWebSocket, connect: (socket: PeerSocket) => Connection): void {
    this.#adopt(webSocket)
    own(this.#stream, this)
    ownDataOnly(this.#stream)
    this.connection = connect(this)
  }

  get buffered(): number {
    return this.#stream.writableLength
  }

  get isBehind(): boolean {
    return this.#stream.readableLength > 0
  }

  get #isOpen(): boolean {
    return this.#webSocket === undefined
      ? this.#stream.writable
      : this.#webSocket.readyState === WebSocket.OPEN
  }

  send(frame: Uint8Array): void {
    if (this.#isOpen) this.#write(serverFrame(this.binary ? opcodes.binary : opcodes.text, frame))
  }

  /** Lets what was sent in this turn leave, or in a later one, if the address has a crowd that is sent to. */
  flush(): void {
    const { turns, laterWork } = this.#host
    if (turns.mayWrite(this.#share)) this.#uncork()
    else laterWork.add(this)
  }

  workOn(): void {
    if (this.#isGone) {
      this.connection?.closed()
      this.#host.gone(this.address)
    } else if (this.#isOverdue) this.cut()
    else this.#uncork()
  }

  probe(): void {
    if (this.#isOpen) this.#write(serverFrame(opcodes.ping, nothing))
  }

  pause(milliseconds: number): void {
    if (this.#stream.destroyed) return
    const until = performance.now() + milliseconds
    if (until <= this.#pausedUntil) return
    this.#pausedUntil = until
    this.#keepsUnread()
    const webSocket = this.#awake()
    webSocket.pause()
    clearTimeout(this.#resume)
    this.#resume = setTimeout(() => webSocket.resume(), milliseconds)
  }

  end(code: number, reason: string): void {
    if (this.#stream.destroyed) return
    // The peer's answer to the close has to be read.
    this.#pausedUntil = Number.POSITIVE_INFINITY
    clearTimeout(this.#resume)
    const webSocket = this.#awake()
    webSocket.resume()
    webSocket.close(code, reason)
    this.#cutLater ??= setTimeout(() => {
      // Those who came in a crowd are overdue in a crowd.
      this.#isOverdue = true
      this.#host.laterWork.add(this)
    }, closePatience)
  }

  cut(): void {
    if (this.#webSocket === undefined) this.#stream.destroy()
    else this.#webSocket.terminate()
  }

  /** Gives as much of what came to `ws` as this address may have read now; the rest waits in the stream. */
  data(chunk: Buffer): void {
    const stream = this.#stream
    // Read from the buffer of a stream that is closed, which `ws` does by itself.
    if (stream.destroyed) return
    const { turns } = this.#host
    const heads = this.#heads ?? betweenFrames
    const { end, frames } = heads.read(chunk, turns.granted(this.#share))
    this.#remember(heads)
    if (frames > 0) turns.took(this.#share, frames)
    if (end > 0) {
      this.#awake()
      readByWs?.call(stream, end === chunk.byteLength ? chunk : chunk.subarray(0, end))
    }
    if (end === chunk.byteLength || stream.destroyed) return
    this.#keepsUnread()
    stream.pause()
    stream.unshift(chunk.subarray(end))
    turns.wait(this.#share, this)
  }

  readOn(): void {
    const stream = this.#stream
    if (this.#webSocket?.isPaused === true || stream.destroyed) return
    const { turns } = this.#host
    if (!turns.isShared || stream.readableLength <= pieceLength) {
      stream.resume()
      return
    }
    // Node reads the next 64 KiB from a stream that goes on, which would wait here with the rest of these.
    stream.read(pieceLength)
    if (!stream.destroyed) turns.wait(this.#share, this)
  }

  /** Answered together with what else is sent in this turn: `ws` would make a system call for each. */
  pinged(payload: Buffer): void {
    if (this.buffered > mostUnreadPongs) this.cut()
    else if (this.#isOpen) this.#write(serverFrame(opcodes.pong, payload))
  }

  message(data: Buffer, isBinary: boolean): void {
    if (isBinary === this.binary) this.connection?.receive(data)
    else this.connection?.malformed('bad-frame', `frames must be ${this.binary ? 'binary' : 'text'}`)
  }

  /** A peer that will say nothing more and has not said so in a frame is gone: no browser closes one half only. */
  ended(): void {
    this.#stream.destroy()
  }

  closed(): void {
    clearTimeout(this.#resume)
    clearTimeout(this.#cutLater)
    this.#host.turns.forget(this.#share, this)
    this.#isGone = true
    // All others of its room are told: where many go at once, a few of them in one turn.
    this.#host.laterWork.soon(this)
  }

  #write(pieces: readonly Uint8Array[]): void {
    if (this.#held !== undefined) {
      this.#held.push(...pieces)
      return
    }
    // What one chunk of incoming frames causes leaves in one system call, not in one for each.
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#stream.cork()
      process.nextTick(uncork, this)
    }
    for (const piece of pieces) this.#stream.write(piece)
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    setNoDelay(this.#stream)
    this.#stream.uncork()
  }

  #letGo(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#stream.write(Buffer.concat(held))
  }

  #awake(): ServerWebSocket {
    if (this.#webSocket !== undefined) return this.#webSocket
    this.#letGo()
    const stream = this.#stream
    ownDataOnly(stream)
    const options = this.#host.webSocketOptions
    const webSocket = new (ServerWebSocket as new (...of: unknown[]) => ServerWebSocket)(null, [], options)
    ;(webSocket as unknown as TakesStreams).setSocket(stream, nothing, options)
    this.#adopt(webSocket)
    return webSocket
  }

  #adopt(webSocket: ServerWebSocket): void {
    webSocket.plugged = this
    this.#webSocket = webSocket
    readByWs = takeDataListener(this.#stream)
  }

  #remember(heads: FrameHeads): void {
    if (heads.isBetween) this.#heads = undefined
    else if (heads === betweenFrames) {
      this.#heads = heads
      betweenFrames = new FrameHeads()
    }
  }

  /** When the stream is closed, what it keeps is dropped: `ws` would read it all in one go. */
  #keepsUnread(): void {
    if (this.#isDropping) return
    this.#isDropping = true
    this.#stream.prependListener('close', drop)
  }
}

/** A system call, the first time. The answer to the upgrade does without it: nothing is under way that it could wait for. */
function setNoDelay(stream: Duplex & Partial<Pick<Socket, 'setNoDelay'>>): void {
  stream.setNoDelay?.()
}

function drop(this: Duplex): void {
  this.read()
}

function uncork(socket: NodeSocket): void {
  socket.flush()
}
