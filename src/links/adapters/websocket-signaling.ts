import { RingmeshError } from '../../errors/index.js'
import type { Runtime, Timer } from '../../runtime/index.js'
import {
  decodeMessage,
  encodeMessage,
  limits,
  type Message,
  type PeerId,
  type PeerInfo,
  protocolVersion,
} from '../../wire/index.js'
import type { OpenSignaling, Signaling, SignalingEvents } from '../signaling.js'
import { openJoining } from './joining-socket.js'
import { Reconnection } from './reconnection.js'
import { pass, plainServers } from './server-messages.js'
import { SilenceWatch } from './silence-watch.js'
import {
  type StandardWebSocket,
  type StandardWebSocketClass,
  sendFrame,
  shut,
} from './standard-web-socket.js'
import { freshToken, type Token } from './token.js'

export interface WebSocketSignalingOptions {
  readonly runtime: Runtime
  /** Where servers are; tried in turn. Any instance serves any room. */
  readonly urls: readonly string[]
  readonly room: string
  readonly token?: Token | undefined
  /** The platform's WebSocket; in Node 20 that of `ws`. */
  readonly WebSocket: StandardWebSocketClass
}

/** From the start of a connection to the welcome, token included, in milliseconds. */
const handshakeTimeout = 8_000
const hopeless: readonly string[] = ['Unauthorized', 'ProtocolMismatch', 'RoomFull']

/**
 * A place in a room of ringmesh's own signalling server, over one WebSocket. It reconnects until
 * it is closed; `refused` is called when that is of no use:
 *
 * - `Unauthorized`, `RoomFull`, `ProtocolMismatch`: the server said so before the first welcome.
 *   After it they are tried again, as a room may empty and a token be renewed.
 * - `SignalUnreachable`: all URLs were tried before the first welcome and none is such a server.
 *
 * After `refused` it is closed.
 *
 * A server that is about to stop says so. Then the next one is joined while the old one still serves, and
 * only its welcome ends the old connection: nobody is told of a loss, and direct links take no part in it.
 */
export function webSocketSignaling(options: WebSocketSignalingOptions): OpenSignaling {
  return (self, events) => new WebSocketSignaling(self, events, options)
}

class WebSocketSignaling implements Signaling {
  readonly #self: PeerInfo
  readonly #events: SignalingEvents
  readonly #options: WebSocketSignalingOptions
  /** That of the latest attempt, joined or not. */
  #socket: StandardWebSocket | undefined
  /** That of a server which is about to stop, as long as it serves and no other has welcomed us. */
  #leaving: StandardWebSocket | undefined
  #isConnected = false
  /** Servers that have welcomed this peer: how they take a join is known. */
  readonly #welcomedBy = new Set<string>()
  /** Servers to which the join goes in a frame only, as an upgrade that asked for subprotocols came to nothing. */
  readonly #joinedByFrame = new Set<string>()
  #isClosed = false
  /** Tells an attempt from those that were given up: never the same again. */
  #currentAttempt = 0
  /** Attempts since the last welcome. */
  #attempts = 0
  /** Which of the servers is joined, or to be joined next. */
  #at = 0
  #problem = 'no server answered'
  #timer: Timer | undefined
  readonly #silence: SilenceWatch
  readonly #reconnection: Reconnection

  constructor(self: PeerInfo, events: SignalingEvents, options: WebSocketSignalingOptions) {
    this.#self = self
    this.#events = events
    this.#options = options
    this.#reconnection = new Reconnection(options.runtime)
    this.#silence = new SilenceWatch(options.runtime, {
      ask: () => this.#send({ type: 'signal.ping' }),
      silent: () => {
        if (this.#serving !== undefined) this.#ended(this.#serving, 'the server fell silent')
      },
    })
    this.#timer = options.runtime.timer(0, () => void this.#connect())
  }

  get connected(): boolean {
    return this.#isConnected
  }

  get buffered(): number {
    return this.#serving?.bufferedAmount ?? 0
  }

  /** Where what is said goes to. */
  get #serving(): StandardWebSocket | undefined {
    return this.#leaving ?? this.#socket
  }

  get #wasWelcome(): boolean {
    return this.#welcomedBy.size > 0
  }

  get #url(): string {
    const { urls } = this.#options
    return urls[this.#at % urls.length] ?? ''
  }

  sendOffer(to: PeerId, payload: Uint8Array): void {
    if (this.#isConnected) this.#send({ type: 'signal.offer', to, payload: owned(payload) })
  }

  relay(to: PeerId, frame: Uint8Array): void {
    if (this.#isConnected) this.#send({ type: 'signal.relay', to, frame: owned(frame) })
  }

  close(clean: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.cancel()
    this.#silence.stop()
    if (clean && this.#isConnected) this.#send({ type: 'signal.leave' })
    this.#isConnected = false
    this.#dropLeaving()
    this.#drop()
  }

  async #connect(): Promise<void> {
    const { runtime, room, WebSocket } = this.#options
    const peer = this.#self
    const url = this.#url
    const attempt = ++this.#currentAttempt
    this.#attempts++
    const isCurrent = (): boolean => !this.#isClosed && this.#currentAttempt === attempt
    this.#timer = runtime.timer(handshakeTimeout, () => this.#failed('no answer in time'))
    let token: string | null
    try {
      token = await freshToken(this.#options.token)
    } catch (error) {
      if (isCurrent()) this.#failed('the token function failed', error as RingmeshError)
      return
    }
    if (!isCurrent()) return
    const join = encodeMessage({ type: 'signal.join', protocol: protocolVersion, room, peer, token })
    try {
      this.#socket = openJoining(WebSocket, url, join, this.#joinedByFrame.has(url), {
        data: (socket, data) => {
          if (this.#socket === socket || this.#leaving === socket) this.#take(data, socket)
        },
        closed: (socket, problem, isUpgradeRefused) => {
          if (isUpgradeRefused && this.#socket === socket && !this.#welcomedBy.has(url))
            this.#withoutProtocols()
          else this.#ended(socket, problem)
        },
      })
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : 'not a WebSocket URL')
    }
  }

  /**
   * Dials the same server once more with no subprotocols: where something on the way takes them out, or finds
   * them too long, the platform fails the connection and does not say why.
   */
  #withoutProtocols(): void {
    this.#joinedByFrame.add(this.#url)
    this.#timer?.cancel()
    this.#socket = undefined
    this.#attempts--
    void this.#connect()
  }

  #take(data: unknown, socket: StandardWebSocket): void {
    this.#silence.heard()
    let message: Message
    try {
      if (!(data instanceof ArrayBuffer) || data.byteLength > limits.messageBytes)
        throw new TypeError('not a frame')
      message = decodeMessage(new Uint8Array(data))
    } catch {
      this.#ended(socket, 'it does not speak this protocol')
      return
    }
    const isJoined = this.#isConnected && this.#serving === socket
    if (!isJoined && message.type !== 'signal.welcome' && message.type !== 'signal.refused') {
      this.#ended(socket, 'it does not speak this protocol')
      return
    }
    switch (message.type) {
      case 'signal.welcome':
        if (socket !== this.#leaving) this.#welcome(message)
        return
      case 'signal.refused':
        if (socket === this.#leaving) this.#ended(socket, message.detail)
        else this.#refused(message.error, message.detail)
        return
      case 'signal.draining':
        this.#move()
        return
      case 'signal.pong':
        return
      default:
        if (!pass(message, this.#events)) this.#ended(socket, 'it does not speak this protocol')
    }
  }

  /** Joins the next server while this one still serves; this one again where there is no other, as another may answer there. */
  #move(): void {
    if (this.#leaving !== undefined) return
    const { runtime } = this.#options
    this.#leaving = this.#socket
    this.#socket = undefined
    this.#at++
    this.#timer?.cancel()
    this.#reconnection.ended()
    this.#timer = runtime.timer(this.#reconnection.moveWait(), () => void this.#connect())
  }

  /** A socket is of no use any more. */
  #ended(socket: StandardWebSocket, problem: string): void {
    if (socket === this.#socket) this.#failed(problem)
    if (socket !== this.#leaving) return
    // The attempt to join another server goes on.
    this.#silence.stop()
    this.#isConnected = false
    this.#dropLeaving()
    this.#events.lost()
  }

  #welcome(message: Extract<Message, { type: 'signal.welcome' }>): void {
    this.#timer?.cancel()
    this.#dropLeaving()
    this.#isConnected = true
    this.#welcomedBy.add(this.#url)
    this.#attempts = 0
    this.#silence.start()
    this.#reconnection.welcomed()
    this.#events.welcome(message.peers, plainServers(message.iceServers))
  }

  #refused(error: string, detail: string): void {
    this.#failed(
      detail,
      hopeless.includes(error) ? new RingmeshError(error as 'Unauthorized', detail || error) : undefined,
    )
  }

  #send(message: Message): void {
    sendFrame(this.#serving, encodeMessage(message))
  }

  /** This connection is over; `verdict` is why there is no use in another, before the first welcome. */
  #failed(problem: string, verdict?: RingmeshError): void {
    if (this.#isClosed) return
    const { runtime, urls } = this.#options
    // While another server still serves nothing is lost by this.
    const isLost = this.#isConnected && this.#leaving === undefined
    this.#timer?.cancel()
    this.#currentAttempt++
    if (isLost) {
      this.#silence.stop()
      // This same server is tried first.
      this.#isConnected = false
      this.#reconnection.ended()
    } else {
      if (!this.#welcomedBy.has(this.#url)) this.#joinedByFrame.delete(this.#url)
      this.#at++
    }
    this.#problem = problem
    this.#drop()
    if (isLost) this.#events.lost()
    if (this.#isClosed) return
    if (!this.#wasWelcome) {
      const error = verdict ?? (this.#attempts >= urls.length ? this.#unreachable() : undefined)
      if (error !== undefined) {
        this.#isClosed = true
        this.#events.refused(error)
        return
      }
    }
    // A list of servers is walked through quickly the first time.
    const wait = this.#wasWelcome ? this.#reconnection.wait(this.#attempts) : 0
    this.#timer = runtime.timer(wait, () => void this.#connect())
  }

  #unreachable(): RingmeshError {
    const where = this.#options.urls.join(', ')
    return new RingmeshError('SignalUnreachable', `no signalling server at ${where}: ${this.#problem}`)
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    shut(socket)
  }

  #dropLeaving(): void {
    const socket = this.#leaving
    this.#leaving = undefined
    shut(socket)
  }
}

/** The wire's types want memory that is not shared, which frames never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
