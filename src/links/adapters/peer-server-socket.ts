import { limits, unpackValue } from '../../wire/index.js'
import type { OpenDirect } from '../direct-link.js'
import { connectionDescription } from './connection-description.js'
import { carriedAs } from './data-connection-negotiation.js'
import type {
  CarriedMessage,
  PeerServerAddress,
  PeerServerClients,
  PeerServerTransport,
  PeerServerTransportEvents,
} from './peer-server-transport.js'
import { onEnd, type StandardWebSocket } from './standard-web-socket.js'

/** The version of PeerJS whose protocol this is. */
const protocolOf = '1.5.5'

/**
 * Clients of a PeerServer without the package `peerjs`: for Node, where it finds no WebRTC, and for
 * pages where it cannot be had. What they send is what PeerJS sends, so that both kinds mix.
 *
 * @param direct - the platform's WebRTC; undefined for none
 */
export function peerServerSockets(
  WebSocket: new (url: string) => StandardWebSocket,
  address: PeerServerAddress,
  direct: OpenDirect | undefined,
): PeerServerClients {
  const { host, port, path, key, secure } = address
  return (id, token) => {
    const query = new URLSearchParams({ key, id, token, version: protocolOf })
    const url = `${secure ? 'wss' : 'ws'}://${host}:${port}${path}peerjs?${query}`
    return { open: (events) => new PeerServerSocket(new WebSocket(url), direct, events) }
  }
}

/**
 * One socket of one id at a stock PeerServer, whose protocol is JSON:
 * `{ type: 'OPEN' | 'ID-TAKEN' | 'ERROR' | 'EXPIRE' | 'HEARTBEAT' | 'OFFER' | …, src, dst, payload }`.
 */
class PeerServerSocket implements PeerServerTransport {
  readonly dial: OpenDirect | undefined
  readonly #socket: StandardWebSocket
  readonly #events: PeerServerTransportEvents
  #isClosed = false

  constructor(socket: StandardWebSocket, direct: OpenDirect | undefined, events: PeerServerTransportEvents) {
    this.#socket = socket
    this.#events = events
    this.dial =
      direct &&
      ((remote, initiator, iceServers, _signal, linkEvents, dial) => {
        const signal = (payload: Uint8Array): void =>
          this.send(remote, carriedAs(connectionDescription(unpackValue(payload)), dial))
        return direct(remote, initiator, iceServers, signal, linkEvents, dial)
      })
    socket.onopen = () => events.open()
    socket.onmessage = ({ data }: { data: unknown }) => this.#take(data)
    onEnd(socket, (problem) => this.#end(problem))
  }

  get buffered(): number {
    return this.#socket.bufferedAmount
  }

  send(to: string, message: CarriedMessage): void {
    this.#write({ ...message, dst: to })
  }

  heartbeat(): void {
    this.#write({ type: 'HEARTBEAT' })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      this.#socket.close()
    } catch {
      // Not connected yet: it closes by itself.
    }
  }

  #write(message: Readonly<Record<string, unknown>>): void {
    try {
      this.#socket.send(JSON.stringify(message))
    } catch {
      // It is not open yet, or is about to report that it closed.
    }
  }

  #take(data: unknown): void {
    if (this.#isClosed) return
    const { type, src, payload } = envelope(data)
    switch (type) {
      case 'OPEN':
        return
      case 'ID-TAKEN':
        this.#end('the id is taken', true)
        return
      case 'ERROR':
        this.#end(String((payload as { msg?: unknown } | null)?.msg ?? 'an error'))
        return
      case 'LEAVE':
      case 'EXPIRE':
        if (typeof src === 'string') this.#events.expired(src)
        return
      case 'OFFER':
      case 'ANSWER':
      case 'CANDIDATE':
        if (typeof src === 'string') this.#events.carried(src, { type, payload })
        return
      default:
        this.#end('it is no PeerServer')
    }
  }

  #end(problem: string, taken = false): void {
    if (this.#isClosed) return
    this.close()
    this.#events.closed(problem, taken)
  }
}

function envelope(data: unknown): { type?: unknown; src?: unknown; payload?: unknown } {
  // Base 64 takes four characters for three bytes.
  if (typeof data !== 'string' || data.length > 2 * limits.messageBytes) return {}
  try {
    return Object(JSON.parse(data))
  } catch {
    return {}
  }
}
