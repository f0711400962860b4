import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Runtime, Timer } from '../../src/runtime/index.js'
import { readPlainUpgrade } from './plain-upgrade.js'
import type { ReadingShare, ReadingTurns } from './reading-turns.js'
import { RequestReading } from './request-reading.js'
import { disown, own, type StreamOwner } from './stream-owner.js'

/** Milliseconds until a connection on which nothing has come is left to Node, whose time-outs then hold. */
const patience = 1_000

/**
 * Milliseconds of a turn of the event loop in which first words are dealt with: an upgrade takes some 0.05 ms, and as
 * long again for every ten peers of its room that are told of it, so that it is one a turn. Peers that are in wait no
 * longer for those who come, however many there are; where all come from one address and nobody else says anything,
 * they may be more at once.
 */
const turnMilliseconds = { shared: 0.05, alone: 1 }

/** Silent connections that are left to Node at once, a millisecond apart: those who came in a crowd are silent in one. */
const silentAtOnce = 8

/** What the gate and `ws` read of a request to open a WebSocket; an `IncomingMessage` has it all. */
export interface UpgradeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly socket: Pick<Socket, 'remoteAddress' | 'localAddress'>
}

/** Where the lane leads. */
export interface LaneGate {
  readonly turns: ReadingTurns
  /** Asked of every connection; one for which it says false is dropped. */
  arrives(socket: Socket): boolean
  /** What may be read of a connection before it says for whom it is. */
  shareOf(socket: Socket): ReadingShare
  /** Takes an upgrade; false when its path is none of ours. */
  admit(request: UpgradeRequest, socket: Socket, rest: Buffer): boolean
}

/**
 * A short way in for the usual request: a plain head of an upgrade that comes in one piece is read here, and its
 * socket never meets Node's HTTP, whose parser, messages and listeners would cost every join and partly stay. Every
 * other connection is given to Node's own listener with what came on it, as if this were not here.
 */
export class UpgradeLane implements StreamOwner<Socket> {
  readonly #http: Server
  readonly #runtime: Runtime
  readonly #gate: LaneGate
  readonly #byNode: readonly ((socket: Socket) => void)[]
  /** Connections on which nothing has come, the oldest first, and since when. */
  readonly #silent = new Map<Socket, number>()
  /** Connections that Node's HTTP reads. */
  readonly #requests = new WeakMap<Socket, RequestReading>()
  /** Connections on which something came, the oldest first, and what: they wait for their turn. */
  readonly #waiting = new Map<Socket, Buffer>()
  readonly #onTurn = (): void => this.#nextTurn()
  /** Milliseconds of this turn that were spent. */
  #spent = 0
  #isScheduled = false
  #sweep: Timer | undefined

  /** @param http - a server that is not listening yet, and nobody else's */
  constructor(http: Server, runtime: Runtime, gate: LaneGate) {
    this.#http = http
    this.#runtime = runtime
    this.#gate = gate
    this.#byNode = http.listeners('connection') as ((socket: Socket) => void)[]
    // Where Node should have another way to hear of connections, all of them go it.
    if (this.#byNode.length === 0) return
    http.removeAllListeners('connection')
    http.on('connection', (socket: Socket) => this.#connected(socket))
  }

  /** Ends the connections on which nothing has come; others are Node's or at a door. */
  close(): void {
    this.#sweep?.cancel()
    for (const sockets of [this.#silent, this.#waiting]) {
      for (const socket of sockets.keys()) socket.destroy()
      sockets.clear()
    }
  }

  /** Node has read the head of an upgrade on this socket: it is HTTP no more. */
  upgraded(socket: Socket): void {
    this.#requests.get(socket)?.release()
  }

  #connected(socket: Socket): void {
    if (!this.#gate.arrives(socket)) {
      // Reset rather than closed, which would leave it behind here for a minute.
      socket.resetAndDestroy()
      return
    }
    this.#silent.set(socket, this.#runtime.now())
    this.#sweep ??= this.#runtime.timer(patience, () => this.#lookForSilent())
    own(socket, this)
  }

  data(chunk: Buffer, socket: Socket): void {
    this.#silent.delete(socket)
    this.#schedule()
    const before = this.#waiting.get(socket)
    if (before !== undefined) {
      socket.pause()
      this.#waiting.set(socket, Buffer.concat([before, chunk]))
    } else if (this.#spent < this.#turnMilliseconds && this.#waiting.size === 0) this.#read(socket, chunk)
    // Not paused: its peer waits for the answer, and Node does much to pause a socket and resume it.
    else this.#waiting.set(socket, chunk)
  }

  ended(socket: Socket): void {
    socket.destroy()
  }

  closed(socket: Socket): void {
    this.#silent.delete(socket)
    this.#waiting.delete(socket)
  }

  get #turnMilliseconds(): number {
    return this.#gate.turns.isShared ? turnMilliseconds.shared : turnMilliseconds.alone
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  #nextTurn(): void {
    this.#isScheduled = false
    this.#spent = 0
    const most = this.#turnMilliseconds
    for (const [socket, chunk] of this.#waiting) {
      if (this.#spent >= most) break
      this.#waiting.delete(socket)
      if (socket.destroyed) continue
      // Before it is read: whoever gets it may want it paused.
      if (socket.isPaused()) socket.resume()
      this.#read(socket, chunk)
    }
    if (this.#spent > 0) this.#schedule()
  }

  #read(socket: Socket, chunk: Buffer): void {
    const start = this.#runtime.now()
    this.#readFirst(socket, chunk)
    this.#spent += this.#runtime.now() - start
  }

  #readFirst(socket: Socket, chunk: Buffer): void {
    const plain = readPlainUpgrade(chunk)
    if (plain !== undefined) {
      const { url, headers, length } = plain
      if (this.#gate.admit({ method: 'GET', url, headers, socket }, socket, chunk.subarray(length))) return
    }
    // Put back while nobody reads, so that it comes first at whoever does.
    socket.pause()
    socket.unshift(chunk)
    this.#giveToNode(socket)
    socket.resume()
  }

  #giveToNode(socket: Socket): void {
    disown(socket)
    socket.setNoDelay()
    for (const listener of this.#byNode) listener.call(this.#http, socket)
    this.#requests.set(socket, new RequestReading(socket, this.#gate.turns, this.#gate.shareOf(socket)))
  }

  #lookForSilent(): void {
    const long = this.#runtime.now() - patience
    let given = 0
    let next = patience
    for (const [socket, since] of this.#silent) {
      if (since > long) break
      if (given++ === silentAtOnce) {
        next = 1
        break
      }
      this.#silent.delete(socket)
      if (!socket.destroyed) this.#giveToNode(socket)
    }
    this.#sweep = this.#silent.size === 0 ? undefined : this.#runtime.timer(next, () => this.#lookForSilent())
  }
}
