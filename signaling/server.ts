import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkOptions, InvalidOption } from '../src/errors/index.js'
import { type Log, type Runtime, systemRuntime } from '../src/runtime/index.js'
import { isLoopbackOnly, refuseConflicts, socketPath } from './conflicts.js'
import { Gate } from './node/gate.js'
import { Instance } from './node/instance.js'
import { refuseUpgrade } from './node/opening-handshake.js'
import { sparingLog } from './node/sparing-log.js'
import { UpgradeLane } from './node/upgrade-lane.js'
import {
  defaultPeerJs,
  type SignalConfiguration,
  type SignalOptions,
  signalOptions,
  signalSecrets,
  withoutSecrets,
} from './options.js'
import type { Tally } from './rooms/index.js'

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
  /** All that is counted, as the metrics have it. */
  readonly tally: Tally
  /** Open sockets. */
  readonly connections: number
  /**
   * Answers `/healthz`, `/readyz`, `/metrics` and the PeerJS door's HTTP side; false for any other
   * request. Only of use with `server`; a server of our own does it by itself.
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  /** Stops gracefully: tells the peers to move, waits for them up to `drainMilliseconds`, then closes. Idempotent. */
  stop(): Promise<void>
  /** Stops at once, within a second. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a signalling server.
 *
 * Without a key everybody is let in, and therefore only loopback is listened on, unless `open` says
 * that this is meant.
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
  const configuration = checkOptions(signalOptions, rest, 'signal', signalSecrets)
  refuseConflicts(configuration, server === undefined)
  const plain = systemRuntime(log === undefined ? {} : { log })
  const runtime = { ...plain, log: sparingLog(plain.log) }
  runtime.log('info', 'configured', { configuration: withoutSecrets(configuration) })
  const running = new RunningServer(configuration, server, runtime)
  try {
    await running.listen()
  } catch (error) {
    await running.close()
    throw error
  }
  return running
}

class RunningServer implements SignalServer {
  readonly #configuration: SignalConfiguration
  readonly #runtime: Runtime
  readonly #http: Server
  readonly #attached: boolean
  readonly #instance: Instance
  readonly #gate: Gate
  /** Undefined where the server is somebody else's, whose listeners are left alone. */
  readonly #lane: UpgradeLane | undefined
  #closing: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #emptied: () => void = () => {}

  constructor(configuration: SignalConfiguration, server: Server | undefined, runtime: Runtime) {
    const { limits } = configuration
    this.#configuration = configuration
    this.#runtime = runtime
    this.#attached = server !== undefined
    const peerjs = configuration.peerjs ?? (this.#attached ? false : defaultPeerJs)
    this.#instance = new Instance(configuration, peerjs, runtime)
    this.#gate = new Gate({
      configuration,
      runtime,
      instance: this.#instance,
      // A server of our own listens on loopback only, then.
      loopbackOnly: this.#attached && isLoopbackOnly(configuration),
      // Behind a proxy all connections are the proxy's, until their request says for whom.
      countedOnArrival: !this.#attached && configuration.trustedProxies === 0,
      peerjsPath: peerjs ? socketPath(peerjs) : undefined,
      emptied: () => {
        if (this.connections === 0) this.#emptied()
      },
    })
    this.#http =
      server ??
      createServer(
        {
          headersTimeout: limits.handshakeMilliseconds,
          requestTimeout: limits.handshakeMilliseconds,
          connectionsCheckingInterval: stallCheckInterval,
          // Set for each connection as soon as it matters: see NodeSocket and UpgradeLane.
          noDelay: false,
        },
        (request, response) => {
          // The time-out below is put off by whatever the peer says while it takes no answer.
          const untaken = runtime.timer(limits.handshakeMilliseconds, () => request.socket.destroy())
          response.once('close', () => untaken.cancel())
          if (!this.handle(request, response)) response.writeHead(404).end()
        },
      )
    this.#http.on('upgrade', this.#upgrade)
    if (!this.#attached) {
      // Who takes no answer for so long gets none; a WebSocket has time limits of its own.
      this.#http.timeout = limits.handshakeMilliseconds
      this.#lane = new UpgradeLane(this.#http, runtime, this.#gate)
    }
  }

  get tally(): Tally {
    return this.#instance.tally
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
    return this.#instance.sockets.size
  }

  handle(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#instance.http.handle(request, response)
  }

  listen(): Promise<void> {
    if (this.#attached) return Promise.resolve()
    const { host, port } = this.#configuration
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port))
      this.#http.once('error', failed)
      this.#http.listen(port, host, () => {
        this.#http.off('error', failed)
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
    this.#instance.drain()
    this.#runtime.log('info', 'draining', { connections: this.connections })
    await this.#empty(this.#configuration.drainMilliseconds)
  }

  async #close(): Promise<void> {
    this.#instance.drain()
    this.#instance.sockets.endAll('the server stops')
    await this.#empty(closingPatience)
    this.#instance.sockets.cutAll()
    await this.#empty(closingPatience)
    this.#http.off('upgrade', this.#upgrade)
    await this.#instance.stop()
    this.#lane?.close()
    this.#gate.close()
    if (!this.#attached && this.#http.listening) {
      await new Promise<void>((resolve) => {
        this.#http.close(() => resolve())
        this.#http.closeAllConnections()
      })
    }
    this.#runtime.log('info', 'stopped')
  }

  /** Waits until the last socket is gone, or for so many milliseconds. */
  #empty(milliseconds: number): Promise<void> {
    if (this.connections === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#runtime.timer(milliseconds, resolve)
      // Who closes while the server drains waits beside who drains.
      const before = this.#emptied
      this.#emptied = () => {
        before()
        timer.cancel()
        resolve()
      }
    })
  }

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#lane?.upgraded(socket as Socket)
    if (this.#gate.admit(request, socket, head)) return
    // Another listener of the same server may know the path; where there is none, nobody does.
    if (this.#http.listenerCount('upgrade') === 1) refuseUpgrade(socket, '404 Not Found')
  }
}

/** What went wrong while listening, as the option that has to change. */
function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new InvalidOption('signal.port', port, 'must be a port that is free')
    case 'EACCES':
      return new InvalidOption('signal.port', port, 'must be a port that this user may open')
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new InvalidOption('signal.host', host, 'must be an address of this machine')
    default:
      return error
  }
}
