import type { DataConnection, Peer, PeerOptions } from 'peerjs'
import type { Runtime } from '../../runtime/index.js'
import type { OpenDirect } from '../direct-link.js'
import type { IceServer } from '../signaling.js'
import { DataConnectionLink } from './data-connection-link.js'
import { carriedAs, connectionOf, dataConnection } from './data-connection-negotiation.js'
import type {
  CarriedMessage,
  PeerServerClient,
  PeerServerClients,
  PeerServerTransport,
  PeerServerTransportEvents,
} from './peer-server-transport.js'

/** The class `Peer` of the package. */
export type PeerClass = new (id: string, options: PeerOptions) => Peer

/** The parts of a Peer that its types leave out: the emitter of the server's messages, and its WebSocket. */
interface PeerInternals {
  readonly socket: {
    readonly _socket?: { readonly bufferedAmount: number }
    listeners(event: 'message'): ((message: unknown) => void)[]
    removeAllListeners(event: 'message'): void
    on(event: 'message', listener: (message: unknown) => void): void
    send(message: unknown): void
  }
}

/**
 * Clients of a PeerServer by the package `peerjs`, where there is WebRTC: the connection to the
 * server, its heartbeats and protocol are a Peer's, and direct links are its DataConnections.
 *
 * @param options - for the Peers; the token is added
 * @param unpack - reads the payload of a dial; given, as this stands in a file of its own
 */
export function peerjsClients(
  Peer: PeerClass,
  options: Readonly<PeerOptions>,
  runtime: Runtime,
  unpack: (payload: Uint8Array) => unknown,
): PeerServerClients {
  return (id, token) => new PeerjsClient(Peer, id, { ...options, token }, runtime, unpack)
}

/**
 * One Peer, for as long as its id is ours: after the loss of the server it connects again with the
 * same id and token, and its DataConnections outlive that.
 *
 * Between the server and the Peer stands a filter. PeerJS makes a connection of WebRTC out of any
 * offer, so that strangers could use up the page's; throws at malformed ones; and closes
 * DataConnections that work when the server cannot reach their other end. So it only gets what the
 * server itself says, and offers that a link waits for.
 */
class PeerjsClient implements PeerServerClient, PeerServerTransport {
  readonly #make: () => Peer
  readonly #iceServers: readonly RTCIceServer[]
  readonly #runtime: Runtime
  readonly #unpack: (payload: Uint8Array) => unknown
  #peer: (Peer & PeerInternals) | undefined
  /** Of the connection that is open or being opened. */
  #events: PeerServerTransportEvents | undefined
  #problem = ''
  #isTaken = false
  /** PeerJS's own handler of the server's messages. */
  #hand: (message: unknown) => void = () => {}

  constructor(
    Peer: PeerClass,
    id: string,
    options: PeerOptions,
    runtime: Runtime,
    unpack: (payload: Uint8Array) => unknown,
  ) {
    this.#unpack = unpack
    this.#make = () => new Peer(id, options)
    this.#iceServers = options.config?.iceServers ?? []
    this.#runtime = runtime
  }

  open(events: PeerServerTransportEvents): PeerServerTransport {
    this.#problem = 'the connection was closed'
    this.#isTaken = false
    // Before its first `OPEN` an error destroys a Peer.
    if (this.#peer === undefined || this.#peer.destroyed) this.#follow(this.#make() as Peer & PeerInternals)
    else this.#peer.reconnect()
    this.#events = events
    return this
  }

  get buffered(): number {
    return this.#peer?.socket._socket?.bufferedAmount ?? 0
  }

  send(to: string, message: CarriedMessage): void {
    this.#peer?.socket.send({ ...message, dst: to })
  }

  close(): void {
    this.#events = undefined
    this.#peer?.disconnect()
  }

  readonly dial: OpenDirect = (remote, initiator, iceServers, _signal, events, dial) => {
    const peer = this.#peer
    if (peer === undefined) throw new Error('not connected to a PeerServer')
    const of = { ...dataConnection, connectionId: connectionOf(dial) }
    return new DataConnectionLink(
      this.#runtime,
      {
        connect: () => {
          this.#useIceServers(peer, iceServers)
          const connection = peer.connect(remote, of) as DataConnection | undefined
          if (connection === undefined) throw new Error('not connected to the PeerServer')
          return connection
        },
        unpack: this.#unpack,
        take: (description) => {
          this.#useIceServers(peer, iceServers)
          this.#hand({ src: remote, ...carriedAs(description, dial) })
          return (peer.getConnection(remote, of.connectionId) as DataConnection | null) ?? undefined
        },
      },
      remote,
      initiator,
      events,
    )
  }

  #follow(peer: Peer & PeerInternals): void {
    this.#peer = peer
    const { socket } = peer
    const [hand] = socket.listeners('message')
    if (hand !== undefined) this.#hand = hand
    socket.removeAllListeners('message')
    socket.on('message', (message) => this.#take(message))
    peer.on('open', () => this.#events?.open())
    peer.on('error', (error) => {
      // What ends a Peer is told by the next event; what does not, as a description that is none, ends a dial at most.
      if (error.type === 'unavailable-id') this.#isTaken = true
      this.#problem = error.message || error.type
      this.#runtime.log('debug', 'PeerJS told an error', { type: error.type, problem: this.#problem })
    })
    peer.on('disconnected', () => {
      const events = this.#events
      this.#events = undefined
      events?.closed(this.#problem, this.#isTaken)
    })
  }

  #take(message: unknown): void {
    const { type, src, payload } = Object(message)
    switch (type) {
      case 'OPEN':
      case 'ID-TAKEN':
      case 'INVALID-KEY':
        this.#hand(message)
        return
      case 'ERROR':
        this.#hand({ type, payload: { msg: String(payload?.msg ?? 'an error') } })
        return
      case 'LEAVE':
      case 'EXPIRE':
        if (typeof src === 'string') this.#events?.expired(src)
        return
      case 'OFFER':
      case 'ANSWER':
      case 'CANDIDATE':
        if (typeof src === 'string') this.#events?.carried(src, { type, payload })
    }
  }

  /** A Peer reads its options anew for each connection that it makes. */
  #useIceServers({ options }: Peer, given: readonly IceServer[]): void {
    options.config = { ...options.config, iceServers: [...this.#iceServers, ...given] }
  }
}
