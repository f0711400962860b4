import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { checkOptions, InvalidOption } from '../src/errors/index.js'
import { type Log, type Runtime, randomId, systemRuntime } from '../src/runtime/index.js'
import { addressGroup, addressOf, isLoopback } from './node/addresses.js'
import { plug, refuseUpgrade, ServerWebSocket } from './node/web-socket.js'
import { type SignalConfiguration, type SignalOptions, signalOptions } from './options.js'
import { Directory, MemoryHub, openAdmission, Rooms, Sockets, Tally } from './rooms/index.js'

/** Milliseconds that sockets are given to answer a close before they are cut. */
const closingPatience = 1_000

/** How often Node looks for requests that stall, in milliseconds; its own 30 s would let them pile up. */
const stallCheckInterval = 1_000

/** {@link SignalOptions}, and what only code can pass. */
export interface StartSignalOptions extends SignalOptions {
  /** An HTTP server to attach to: `path` of it is taken over, and nothing else. Without: one of our own. */
  server?: Server
  /** Where log lines go; default: warnings and errors to the console. */
  log?: Log
}

/** A running signalling server. */
export interface SignalServer {
  /** What peers pass to `join` as `signal`. */
  readonly url: string
  readonly port: number
  readonly tally: Tally
  /** Peers and others with an open socket. */
  readonly connections: number
  /** Stops gracefully: tells the peers to move, waits for them up to `drainMilliseconds`, then closes. Idempotent. */
  stop(): Promise<void>
  /** Stops at once. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a signalling server.
 *
 * @throws {InvalidOption} for a wrong option, a port that is taken, an address that is not this
 * machine's, or one that is not loopback with neither a key nor `open`
 *
 * @example
 * ```ts
 * const signal = await startSignalServer({ port: 0 })
 * const mesh = await join({ signal: signal.url, room: 'demo' })
 * await signal.stop()
 * ```
 */
export async function startSignalServer(options: StartSignalOptions = {}): Promise<SignalServer> {
  const { server, log, ...rest } = options
  const configuration = checkOptions(signalOptions, rest, 'signal')
  if (server === undefined && !configuration.open && !isLoopback(configuration.host)) {
    throw new InvalidOption(
      'signal.host',
      configuration.host,
      'must be loopback unless a key is given, or open to let everybody in',
    )
  }
  const runtime = systemRuntime(log === undefined ? {} : { log })
  const running = new RunningServer(configuration, server, runtime)
  await running.listen()
  return running
}

class RunningServer implements SignalServer {
  readonly tally = new Tally()
  readonly #configuration: SignalConfiguration
  readonly #runtime: Runtime
  readonly #http: Server
  readonly #attached: boolean
  readonly #webSockets: WebSocketServer
  readonly #sockets: Sockets
  readonly #rooms: Rooms
  readonly #perAddress = new Map<string, number>()
  #closing: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(configuration: SignalConfiguration, server: Server | undefined, runtime: Runtime) {
    const { limits } = configuration
    this.#configuration = configuration
    this.#runtime = runtime
    this.#attached = server !== undefined
    this.#http =
      server ??
      createServer(
        {
          headersTimeout: limits.handshakeMilliseconds,
          requestTimeout: limits.handshakeMilliseconds,
          connectionsCheckingInterval: stallCheckInterval,
        },
        (request, response) => this.#answer(request, response),
      )
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.frameBytes,
      perMessageDeflate: false,
      WebSocket: ServerWebSocket,
    })
    this.#sockets = new Sockets(runtime, limits, this.tally)
    const bus = new MemoryHub(runtime).bus(randomId(runtime))
    this.#rooms = new Rooms({
      runtime,
      limits,
      tally: this.tally,
      sockets: this.#sockets,
      directory: new Directory(runtime, bus),
      admission: openAdmission,
      iceServers: () => ({ servers: [] }),
    })
    this.#http.on('upgrade', this.#upgrade)
  }

  get port(): number {
    const address = this.#http.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get url(): string {
    const { host, path } = this.#configuration
    const address = this.#http.address() as AddressInfo | null
    const shown = this.#attached ? (address?.address ?? host) : host
    const reachable = shown === '0.0.0.0' ? '127.0.0.1' : shown === '::' ? '::1' : shown
    const name = reachable.includes(':') ? `[${reachable}]` : reachable
    return `ws://${name}:${this.port}${path === '/' ? '' : path}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  listen(): Promise<void> {
    if (this.#attached) return Promise.resolve()
    const { host, port } = this.#configuration
    return new Promise((resolve, reject) => {
      this.#http.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)))
      this.#http.listen(port, host, () => {
        this.#http.removeAllListeners('error')
        this.#http.on('error', (error) => this.#runtime.log('error', 'the HTTP server failed', { error }))
        this.#runtime.log('info', 'listening', { url: this.url })
        resolve()
      })
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#drain().then(() => this.close())
    return this.#stopping
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #drain(): Promise<void> {
    this.#rooms.drain()
    this.#runtime.log('info', 'draining', { connections: this.connections })
    await this.#empty(this.#configuration.drainMilliseconds)
  }

  async #close(): Promise<void> {
    this.#rooms.drain()
    this.#http.off('upgrade', this.#upgrade)
    this.#sockets.endAll('the server stops')
    await this.#empty(closingPatience)
    this.#sockets.cutAll()
    if (this.#attached) return
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve())
      this.#http.closeAllConnections()
    })
    this.#runtime.log('info', 'stopped')
  }

  /** Waits until the last socket is gone, or for so many milliseconds. */
  #empty(milliseconds: number): Promise<void> {
    if (this.connections === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#runtime.timer(milliseconds, resolve)
      this.#emptied = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { path, limits, trustedProxies, open } = this.#configuration
    const asked = (request.url ?? '/').split('?', 1)[0]
    if (asked !== path) {
      // Another upgrade listener of the same server may know the path; alone, nobody does.
      if (this.#http.listenerCount('upgrade') === 1) refuseUpgrade(socket, '404 Not Found')
      return
    }
    const address = addressOf(request, trustedProxies)
    const group = addressGroup(address)
    const fromGroup = this.#perAddress.get(group) ?? 0
    if (this.#rooms.draining) {
      this.#turnAway(socket, '503 Service Unavailable', 'draining', address)
    } else if (this.connections >= limits.connections) {
      this.#turnAway(socket, '503 Service Unavailable', 'too-many-connections', address)
    } else if (fromGroup >= limits.connectionsPerAddress) {
      this.#turnAway(socket, '429 Too Many Requests', 'too-many-connections-from-address', address)
    } else if (!open && this.#attached && !isLoopback(request.socket.localAddress ?? '')) {
      this.#turnAway(socket, '403 Forbidden', 'token-missing', address)
    } else {
      this.#perAddress.set(group, fromGroup + 1)
      socket.once('close', () => this.#gone(group))
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
        plug(
          webSocket as ServerWebSocket,
          address,
          true,
          (peer) => this.#rooms.connect(peer),
          () => {
            if (this.connections === 0) this.#emptied?.()
          },
        )
      })
    }
  }

  #gone(group: string): void {
    const left = (this.#perAddress.get(group) ?? 1) - 1
    if (left > 0) this.#perAddress.set(group, left)
    else this.#perAddress.delete(group)
  }

  #turnAway(socket: Duplex, status: string, reason: Parameters<Tally['refused']>[0], address: string): void {
    this.tally.refused(reason)
    this.#runtime.log('warn', 'a connection was refused', { address, reason })
    refuseUpgrade(socket, status)
  }

  #answer(_request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(404).end()
  }
}

/** What went wrong while listening, as the option that has to change. */
function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new InvalidOption('signal.port', port, 'must be a port that is free')
  if (error.code === 'EACCES')
    return new InvalidOption('signal.port', port, 'must be a port that this user may open')
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new InvalidOption('signal.host', host, 'must be an address of this machine')
  return error
}
