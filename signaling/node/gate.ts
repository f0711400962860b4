import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Runtime } from '../../src/runtime/index.js'
import { joinedProtocol, joinOffered } from '../../src/wire/index.js'
import type { SignalConfiguration } from '../options.js'
import type { Connection, PeerSocket, RefusalReason } from '../rooms/index.js'
import { AddressLimits, overRate } from './address-limits.js'
import { addressOf, isLoopback, plain } from './addresses.js'
import type { Instance } from './instance.js'
import { LaterWork } from './later-work.js'
import { answerHandshake, pickProtocol, refuseUpgrade } from './opening-handshake.js'
import { type ReadingShare, ReadingTurns } from './reading-turns.js'
import { disown } from './stream-owner.js'
import type { LaneGate, UpgradeRequest } from './upgrade-lane.js'
import { canTakeLater, NodeSocket, ServerWebSocket, type SocketHost } from './web-socket.js'

/** Fragments in one message: no browser cuts one of our size into more than two or three. */
const maxFragments = 64

/** What the gate asks of a connection before it is let through to a door. */
export interface GateOptions {
  readonly configuration: SignalConfiguration
  readonly runtime: Runtime
  readonly instance: Instance
  /** Where the PeerJS door's sockets connect; undefined without it. */
  readonly peerjsPath: string | undefined
  /** Without a key and without `open`, only this machine is let in. */
  readonly loopbackOnly: boolean
  /** Every connection is told of by {@link Gate.arrives} before its request comes. */
  readonly countedOnArrival: boolean
  /** Called when a socket is gone. */
  readonly emptied: () => void
}

/** Turns upgrade requests into sockets at a door, or away. */
export class Gate implements SocketHost, LaneGate {
  readonly turns: ReadingTurns
  readonly laterWork: LaterWork
  readonly #options: GateOptions
  readonly #webSockets: WebSocketServer
  readonly #addresses: AddressLimits
  /** Connections that came when their address was over its rate. */
  readonly #toBeRefused = new WeakSet<UpgradeRequest['socket']>()

  constructor(options: GateOptions) {
    this.#options = options
    this.#addresses = new AddressLimits(options.configuration.limits)
    this.turns = new ReadingTurns(options.runtime, options.instance.tally)
    this.laterWork = new LaterWork(options.runtime, this.turns)
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.configuration.limits.frameBytes,
      // Offers are small and relayed frames random: compressing them costs 300 KiB a socket for nothing.
      perMessageDeflate: false,
      maxFragments,
      autoPong: false,
      handleProtocols: pickProtocol,
      WebSocket: ServerWebSocket,
    })
  }

  /** Handles an upgrade; false when its path is none of ours. */
  admit(request: UpgradeRequest, socket: Duplex, head: Buffer): boolean {
    const { configuration, instance, peerjsPath, loopbackOnly } = this.#options
    const { url = '/' } = request
    const query = url.indexOf('?')
    const path = query === -1 ? url : url.slice(0, query)
    const isPeerJs = path === peerjsPath
    if (path !== configuration.path && !isPeerJs) return false
    const { limits, trustedProxies } = configuration
    const address = addressOf(request, trustedProxies)
    const originAllowed = this.#originAllowed(request)
    if (instance.rooms.draining) this.#turnAway(socket, '503 Service Unavailable', 'draining', address)
    else if (instance.sockets.size >= limits.connections) {
      this.#turnAway(socket, '503 Service Unavailable', 'too-many-connections', address)
    } else if (loopbackOnly && !isLoopback(request.socket.localAddress ?? '')) {
      this.#turnAway(socket, '403 Forbidden', 'token-missing', address)
    } else if (isPeerJs && !originAllowed) this.#turnAway(socket, '403 Forbidden', 'origin', address)
    else {
      const tooMany = this.#tooMany(request, address)
      if (tooMany !== undefined) this.#turnAway(socket, '429 Too Many Requests', tooMany, address)
      else if (isPeerJs) this.#toPeerJs(request, socket, head, address)
      else this.#toRooms(request, socket, head, address, originAllowed ? undefined : request.headers.origin)
    }
    return true
  }

  /**
   * A connection came, and nothing on it yet.
   * @returns false when its address opens far too many, and it is to be dropped: to read its request would cost more
   */
  arrives(socket: Socket): boolean {
    const { countedOnArrival, instance, runtime } = this.#options
    if (!countedOnArrival) return true
    const address = plain(socket.remoteAddress ?? '')
    const arrival = this.#addresses.arrived(address, runtime.now())
    if (arrival === 'refuse') this.#toBeRefused.add(socket)
    if (arrival !== 'drop') return true
    instance.tally.refused(overRate)
    runtime.log('warn', 'a connection was dropped', { address, reason: overRate })
    return false
  }

  get webSocketOptions(): ServerOptions {
    return this.#webSockets.options
  }

  shareOf(socket: Socket): ReadingShare {
    return this.#addresses.share(plain(socket.remoteAddress ?? ''), this.#options.runtime.now())
  }

  close(): void {
    this.turns.close()
  }

  #tooMany({ socket }: UpgradeRequest, address: string): RefusalReason | undefined {
    const { countedOnArrival, runtime } = this.#options
    const now = runtime.now()
    if (this.#toBeRefused.has(socket)) return overRate
    return countedOnArrival
      ? this.#addresses.refusalOfArrived(address, now)
      : this.#addresses.refusal(address, now)
  }

  #toRooms(
    request: UpgradeRequest,
    stream: Duplex,
    head: Buffer,
    address: string,
    badOrigin: string | undefined,
  ): void {
    const { rooms } = this.#options.instance
    const offered = request.headers['sec-websocket-protocol']
    this.#open(request, stream, head, address, true, (socket, protocol) => {
      const connection = rooms.connect(socket)
      // Refused by a message, as a page cannot read the status of a refused upgrade.
      if (badOrigin !== undefined) connection.forbid('origin', `the origin ${badOrigin} is not allowed here`)
      if (protocol === joinedProtocol) {
        connection.receive(Buffer.from(joinOffered(offered ?? '') ?? '', 'base64url'))
      }
      return connection
    })
  }

  #toPeerJs(request: UpgradeRequest, stream: Duplex, head: Buffer, address: string): void {
    const { peerjs } = this.#options.instance
    if (peerjs === undefined) return
    const { searchParams } = new URL(request.url ?? '/', 'http://peerjs')
    const caller = {
      id: searchParams.get('id'),
      token: searchParams.get('token'),
      key: searchParams.get('key'),
    }
    this.#open(request, stream, head, address, false, (socket) => peerjs.connect(socket, caller))
  }

  /** @param connect - gives the socket to a door; told of the subprotocol that was picked */
  #open(
    request: UpgradeRequest,
    stream: Duplex,
    head: Buffer,
    address: string,
    binary: boolean,
    connect: (socket: PeerSocket, protocol: string) => Connection,
  ): void {
    const answer = canTakeLater ? answerHandshake(request) : undefined
    if (answer === undefined) {
      disown(stream)
      // What the door says at once leaves with the answer, in one packet and one system call.
      stream.cork()
      process.nextTick(uncork, stream)
      this.#webSockets.handleUpgrade(request as IncomingMessage, stream, head, (webSocket: WebSocket) => {
        const { protocol } = webSocket
        const socket = this.#socket(stream, address, binary)
        socket.openAwake(webSocket as ServerWebSocket, (opened) => connect(opened, protocol))
      })
    } else if (!stream.readable || !stream.writable) stream.destroy()
    else {
      const { protocol } = answer
      const socket = this.#socket(stream, address, binary)
      socket.openAsleep(answer.head, head, (opened) => connect(opened, protocol))
    }
  }

  #socket(stream: Duplex, address: string, binary: boolean): NodeSocket {
    const now = this.#options.runtime.now()
    const share = this.#addresses.opened(address, now)
    this.turns.heard(share, now)
    forgetPeerName(stream)
    return new NodeSocket(stream, address, binary, this, share)
  }

  /** Programs send no origin, and could send any: the list is for pages. */
  #originAllowed({ headers }: UpgradeRequest): boolean {
    const { origins } = this.#options.configuration
    return origins === undefined || headers.origin === undefined || origins.includes(headers.origin)
  }

  gone(address: string): void {
    this.#addresses.closed(address)
    this.#options.emptied()
  }

  #turnAway(socket: Duplex, status: string, reason: RefusalReason, address: string): void {
    const { instance, runtime } = this.#options
    instance.tally.refused(reason)
    runtime.log('warn', 'a connection was refused', { address, reason })
    refuseUpgrade(socket, status)
  }
}

/**
 * Lets go of what Node keeps of a socket whose `remoteAddress` was asked for, some 60 bytes of every idle peer. Should Node
 * keep it elsewhere one day, nothing is let go of.
 */
function forgetPeerName(stream: Duplex & { _peername?: unknown }): void {
  if (stream._peername !== undefined) stream._peername = undefined
}

function uncork(stream: Duplex): void {
  stream.uncork()
}
