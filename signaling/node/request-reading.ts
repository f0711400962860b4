import type { Socket } from 'node:net'
import type { Reader, ReadingShare, ReadingTurns } from './reading-turns.js'

/** How many frames a request counts for: Node takes some 60 µs for one, and for a frame we take 5. */
const framesPerRequest = 12

const endOfHead = '\r\n\r\n'

/**
 * Lets Node's HTTP read of a connection as many requests as its address may have read: in one chunk there is room
 * for two thousand, which it would answer all before anything else.
 */
export class RequestReading implements Reader {
  readonly #socket: Socket
  readonly #turns: ReadingTurns
  readonly #share: ReadingShare
  /** What Node reads with; nobody else listens for data. */
  readonly #byNode: ((chunk: Buffer) => void)[]
  #isReleased = false
  readonly #onData = (chunk: Buffer): void => this.#data(chunk)

  /** @param socket - that Node's HTTP has just been given */
  constructor(socket: Socket, turns: ReadingTurns, share: ReadingShare) {
    this.#socket = socket
    this.#turns = turns
    this.#share = share
    this.#byNode = socket.listeners('data') as ((chunk: Buffer) => void)[]
    for (const listener of this.#byNode) socket.removeListener('data', listener)
    socket.on('data', this.#onData)
    socket.on('close', () => this.#turns.forget(this.#share, this))
  }

  /** The connection is a WebSocket from now on. */
  release(): void {
    this.#isReleased = true
    this.#socket.removeListener('data', this.#onData)
    this.#turns.forget(this.#share, this)
  }

  readOn(): void {
    if (!this.#socket.destroyed) this.#socket.resume()
  }

  #data(chunk: Buffer): void {
    const socket = this.#socket
    if (socket.destroyed) return
    // Who does not read the answers is asked no further; the server's time-out ends it.
    const isFull = socket.writableNeedDrain
    const most = isFull ? 0 : Math.ceil(this.#turns.granted(this.#share) / framesPerRequest)
    const { end, requests } = requestsIn(chunk, most)
    if (requests > 0) this.#turns.took(this.#share, requests * framesPerRequest)
    if (end > 0) for (const listener of this.#byNode) listener.call(socket, chunk.subarray(0, end))
    if (end === chunk.byteLength || socket.destroyed) return
    const rest = chunk.subarray(end)
    // Node pauses a connection with many answers under way, goes on by itself, and takes nothing until then.
    const isPausedByNode = socket.isPaused()
    if (!this.#isReleased) socket.pause()
    socket.unshift(rest)
    if (this.#isReleased || isPausedByNode) return
    if (isFull) socket.once('drain', () => this.readOn())
    else this.#turns.wait(this.#share, this)
  }
}

/** How far the first `most` requests reach; what has no end of a head in it counts as one. */
function requestsIn(chunk: Buffer, most: number): { readonly end: number; readonly requests: number } {
  let end = 0
  let requests = 0
  while (requests < most && end < chunk.byteLength) {
    requests++
    const found = chunk.indexOf(endOfHead, end)
    end = found === -1 ? chunk.byteLength : found + endOfHead.length
  }
  return { end, requests }
}
