import type { DataConnection } from 'peerjs'
import type { Runtime } from '../../runtime/index.js'
import type { DialedLink } from '../direct-link.js'
import type { LinkEvents } from '../link.js'
import {
  type ConnectionDescription,
  connectionDescription,
  longestDescription,
} from './connection-description.js'
import { awaitDrain, largestMessage, onDrain } from './data-channel.js'

/** What a link needs of the Peer that its DataConnection belongs to. */
export interface DataConnectionPeer {
  /** Starts a DataConnection; the other end learns of it from the PeerServer. */
  connect(): DataConnection
  /** Gives PeerJS what the other end said, and its DataConnection: an offer makes one. */
  take(description: ConnectionDescription): DataConnection | undefined
  /** What a payload of the wire holds. @throws where that is nothing */
  unpack(payload: Uint8Array): unknown
}

/**
 * A direct link over a DataConnection of PeerJS, serialization `raw`: one ordered, reliable data
 * channel whose messages are frames.
 *
 * What PeerJS leaves open is closed here: it tells of no failure before the connection opened but by
 * `error`, and leaves a connection whose peer is dead `open` until ICE gives up, some 15 s later, or
 * for ever where that never comes. So a connection that ICE doubts is in `trouble`, and the mesh
 * asks for itself.
 */
export class DataConnectionLink implements DialedLink {
  readonly kind = 'direct'
  readonly remote: string
  readonly #runtime: Runtime
  readonly #peer: DataConnectionPeer
  readonly #events: LinkEvents
  readonly #isCaller: boolean
  #connection: DataConnection | undefined
  #isOpen = false
  #isClosed = false

  constructor(
    runtime: Runtime,
    peer: DataConnectionPeer,
    remote: string,
    initiator: boolean,
    events: LinkEvents,
  ) {
    this.remote = remote
    this.#runtime = runtime
    this.#peer = peer
    this.#events = events
    this.#isCaller = initiator
    if (initiator) this.#follow(peer.connect())
  }

  get buffered(): number {
    // PeerJS queues nothing of its own below 8 MiB, which sessions stay far below.
    return this.#connection?.dataChannel?.bufferedAmount ?? 0
  }

  get largestFrame(): number {
    return largestMessage(this.#connection?.peerConnection)
  }

  send(frame: Uint8Array): void {
    const channel = this.#connection?.dataChannel
    if (!this.#isOpen || channel?.readyState !== 'open') return
    // Where the channel throws, PeerJS closes the connection, and `close` follows.
    this.#connection?.send(frame)
  }

  awaitDrain(): void {
    const channel = this.#connection?.dataChannel
    if (this.#isOpen && channel !== undefined) awaitDrain(channel)
  }

  signal(payload: Uint8Array): void {
    if (this.#isClosed || payload.length > longestDescription) return
    let description: ConnectionDescription
    try {
      description = connectionDescription(this.#peer.unpack(payload))
    } catch {
      // What is no description of a connection is dropped; the dial runs into its time-out.
      return
    }
    if (!this.#awaits(description.type)) return
    try {
      const connection = this.#peer.take(description)
      if (this.#connection === undefined && connection !== undefined) this.#follow(connection)
    } catch (error) {
      // As where the page has as many connections as the browser allows.
      this.#end(error instanceof Error ? error.message : 'PeerJS cannot connect')
    }
  }

  close(reason: string): void {
    this.#end(reason)
  }

  /** One offers, once, and the other answers; PeerJS would begin anew with a second offer. */
  #awaits(type: ConnectionDescription['type']): boolean {
    if (type === 'answer') return this.#isCaller
    return (type === 'offer') === (this.#connection === undefined)
  }

  #follow(connection: DataConnection): void {
    this.#connection = connection
    connection.on('open', () => this.#opened(connection))
    connection.on('data', (data) => {
      if (this.#isOpen && data instanceof ArrayBuffer) this.#events.frame(new Uint8Array(data))
    })
    connection.on('iceStateChanged', (state) => {
      if (state === 'disconnected' && this.#isOpen) this.#events.trouble()
    })
    connection.on('error', (error) => this.#end(error.message || error.type))
    connection.on('close', () => this.#end('closed by the other end'))
  }

  #opened(connection: DataConnection): void {
    if (this.#isClosed || this.#isOpen) return
    this.#isOpen = true
    onDrain(connection.dataChannel, () => {
      if (this.#isOpen) this.#events.drain()
    })
    this.#events.open()
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isOpen = false
    this.#connection?.close()
    this.#runtime.timer(0, () => this.#events.close(reason))
  }
}
