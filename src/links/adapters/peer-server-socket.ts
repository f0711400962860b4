import { RingmeshError } from '../../errors/index.js'
import type { Runtime, Timer } from '../../runtime/index.js'
import { decodeMessage, encodeMessage, limits, type Message } from '../../wire/index.js'
import type { StandardWebSocket } from './websocket-signaling.js'

/** Where a PeerServer is and how its socket is made. */
export interface PeerServerAddress {
  /** Up to `?`, as in `ws://localhost:9000/peerjs`. */
  readonly url: string
  readonly key: string
  readonly WebSocket: new (url: string) => StandardWebSocket
}

export interface PeerServerSocketEvents {
  /** The server carries our messages. */
  open(): void
  /** A message of another client, already checked to be one of ours. */
  message(from: string, message: Message): void
  /** What we sent to `id` was not fetched in time: nobody is there. */
  expired(id: string): void
  /** Over for good; called once. `taken`: another client has this id. `verdict`: why no other attempt will do better. */
  closed(problem: string, taken: boolean, verdict: RingmeshError | undefined): void
}

/** From the start of a connection until the server carries our messages, in milliseconds. */
const handshakeTimeout = 8_000
/** The server forgets who sends no heartbeat for its `alive_timeout`, 60 s or more; PeerJS sends one every 5 s. */
const heartbeatEvery = 5_000
/** A server that was silent for so long is asked whether it is there, in milliseconds… */
const askAfter = 10_000
/** …and given up after this long, as a lost network closes no socket. */
const silentFor = 25_000

/** The errors of a PeerServer, by what it writes in them. */
const verdicts = [
  { text: 'Invalid key', name: 'Unauthorized' },
  { text: 'concurrent user limit', name: 'RoomFull' },
] as const

/**
 * One socket of one id at a stock PeerServer, whose protocol is JSON:
 * `{ type: 'OPEN' | 'ID-TAKEN' | 'ERROR' | 'EXPIRE' | 'HEARTBEAT' | 'OFFER' | …, src, dst, payload }`.
 * It carries the payload of an `OFFER` to any other id unread; ours are messages of the wire in base 64.
 *
 * A server that still knows the id and its token, as after a lost network, says no `OPEN`. So the
 * socket counts as open when a message to ourselves has come back.
 */
export class PeerServerSocket {
  readonly id: string
  readonly #runtime: Runtime
  readonly #events: PeerServerSocketEvents
  readonly #socket: StandardWebSocket | undefined
  #isOpen = false
  #isClosed = false
  #timer: Timer | undefined
  #heard = 0

  constructor(
    runtime: Runtime,
    address: PeerServerAddress,
    id: string,
    token: string,
    events: PeerServerSocketEvents,
  ) {
    this.id = id
    this.#runtime = runtime
    this.#events = events
    this.#timer = runtime.timer(handshakeTimeout, () => this.#end('no answer in time'))
    const query = new URLSearchParams({ key: address.key, id, token, version: '1.5.5' })
    let socket: StandardWebSocket
    try {
      socket = new address.WebSocket(`${address.url}?${query}`)
    } catch (error) {
      this.#timer.cancel()
      this.#timer = runtime.timer(0, () => this.#end(error instanceof Error ? error.message : 'not a URL'))
      return
    }
    this.#socket = socket
    socket.onopen = () => this.send(id, { type: 'signal.ping' })
    socket.onmessage = ({ data }: { data: unknown }) => this.#take(data)
    socket.onclose = () => this.#end('the connection was closed')
    // A close follows every error, and says no less.
    socket.onerror = () => {}
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  send(to: string, message: Message): void {
    this.#write({ type: 'OFFER', dst: to, payload: { ringmesh: toBase64(encodeMessage(message)) } })
  }

  /** Closes it without another event. The server then forgets the id. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isOpen = false
    this.#timer?.cancel()
    try {
      this.#socket?.close()
    } catch {
      // Not connected yet: it closes by itself.
    }
  }

  #write(message: Readonly<Record<string, unknown>>): void {
    try {
      this.#socket?.send(JSON.stringify(message))
    } catch {
      // The socket is about to report that it closed.
    }
  }

  #take(data: unknown): void {
    if (this.#isClosed) return
    this.#heard = this.#runtime.now()
    const { type, src, payload } = envelope(data)
    switch (type) {
      case 'OPEN':
      case 'LEAVE':
        return
      case 'ID-TAKEN':
        this.#end('the id is taken', true)
        return
      case 'ERROR': {
        const text = String((payload as { msg?: unknown } | null)?.msg ?? 'an error')
        const found = verdicts.find((verdict) => text.includes(verdict.text))
        this.#end(text, false, found && new RingmeshError(found.name, text))
        return
      }
      case 'EXPIRE':
        if (typeof src === 'string') this.#events.expired(src)
        return
      case 'OFFER': {
        const message = ours(payload)
        if (message === undefined || typeof src !== 'string') return
        if (src !== this.id) this.#events.message(src, message)
        else if (!this.#isOpen) this.#opened()
        return
      }
      default:
        this.#end('it is no PeerServer')
    }
  }

  #opened(): void {
    this.#isOpen = true
    this.#timer?.cancel()
    this.#beat()
    this.#events.open()
  }

  #beat(): void {
    const silence = this.#runtime.now() - this.#heard
    if (silence > silentFor) {
      this.#end('the server fell silent')
      return
    }
    if (silence > askAfter) this.send(this.id, { type: 'signal.ping' })
    this.#write({ type: 'HEARTBEAT' })
    this.#timer = this.#runtime.timer(heartbeatEvery, () => this.#beat())
  }

  #end(problem: string, taken = false, verdict?: RingmeshError): void {
    if (this.#isClosed) return
    this.close()
    this.#events.closed(problem, taken, verdict)
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

/** The message in a payload; undefined when another program uses this id, or it is malformed. */
function ours(payload: unknown): Message | undefined {
  const text = (payload as { ringmesh?: unknown } | null | undefined)?.ringmesh
  if (typeof text !== 'string') return undefined
  try {
    return decodeMessage(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}

/** As many arguments as every engine takes in one call. */
const charactersAtOnce = 8_192

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += charactersAtOnce)
    text += String.fromCharCode(...bytes.subarray(start, start + charactersAtOnce))
  return btoa(text)
}
