import type { OpenDirect } from '../direct-link.js'

/** Where a PeerServer is; the names are those of PeerJS. */
export interface PeerServerAddress {
  readonly host: string
  readonly port: number
  /** With a slash at both ends. */
  readonly path: string
  readonly key: string
  readonly secure: boolean
}

/** What a PeerServer carries from one id to another without reading it. */
export interface CarriedMessage {
  readonly type: 'OFFER' | 'ANSWER' | 'CANDIDATE'
  readonly payload: unknown
}

export interface PeerServerTransportEvents {
  /** The server may carry our messages now. Where there is no telling, this need not be called. */
  open(): void
  /** Another client sent this, or we to ourselves. Nothing in it is checked but its type. */
  carried(from: string, message: CarriedMessage): void
  /** What we sent to `id` was not fetched in time, or could not be handed over: nobody is there now. */
  expired(id: string): void
  /** Over for good; called once. `problem` is in the server's words where it said any. `taken`: another client has this id. */
  closed(problem: string, taken: boolean): void
}

/** One connection of one id to a PeerServer: that of PeerJS, or a WebSocket of our own. */
export interface PeerServerTransport {
  /** Bytes that wait to be sent. */
  readonly buffered: number
  /** Makes direct links, whose negotiation goes over this connection. */
  readonly dial: OpenDirect | undefined
  /** Dropped when the connection is not open. Never throws. */
  send(to: string, message: CarriedMessage): void
  /** Says that we live, where the transport does not do so by itself. */
  heartbeat?(): void
  /** Closes it without another event; direct links stay. */
  close(): void
}

/** One id at a PeerServer, with the token that makes it ours. */
export interface PeerServerClient {
  /**
   * Connects, or connects again when the connection before has closed.
   *
   * @throws where the address is none
   */
  open(events: PeerServerTransportEvents): PeerServerTransport
}

/** Makes the clients of one PeerServer. */
export type PeerServerClients = (id: string, token: string) => PeerServerClient
