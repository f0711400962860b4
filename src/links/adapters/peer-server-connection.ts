import * as v from 'valibot'
import { RingmeshError } from '../../errors/index.js'
import type { Runtime, Timer } from '../../runtime/index.js'
import { decodeMessage, encodeMessage, limits, type Message, peerId } from '../../wire/index.js'
import { type ConnectionDescription, connectionDescription } from './connection-description.js'
import { describedBy, dialOf } from './data-connection-negotiation.js'
import type { CarriedMessage, PeerServerClient, PeerServerTransport } from './peer-server-transport.js'

export interface PeerServerConnectionEvents {
  /** The server carries our messages. */
  open(): void
  /** A message of another client, already checked to be one of ours. */
  message(from: string, message: Message): void
  /** Part of a dial, in PeerJS's messages. */
  described?(from: string, dial: number, description: ConnectionDescription): void
  /** What we sent to `id` was not fetched in time: nobody is there. */
  expired(id: string): void
  /** Over for good; called once. `taken`: another client has this id. `verdict`: why no other attempt will do better. */
  closed(problem: string, taken: boolean, verdict: RingmeshError | undefined): void
}

/** From the start of a connection until the server carries our messages, in milliseconds. */
const handshakeTimeout = 8_000
/** How often it is tried until then whether it does, in milliseconds. */
const tryEvery = 250
/** The server forgets who sends no heartbeat for its `alive_timeout`, 60 s or more; PeerJS sends one every 5 s. */
const heartbeatEvery = 5_000
/** A server that was silent for so long is asked whether it is there, in milliseconds… */
const askAfter = 10_000
/** …and given up after this long, as a lost network closes no socket. */
const silentFor = 25_000

/** Characters kept of what a PeerServer says is wrong: it goes into errors and logs. */
const longestProblem = 1_024

/** Errors that a PeerServer tells in words only, and what they mean here. */
const verdicts = [
  { text: 'Invalid key', name: 'Unauthorized' },
  { text: 'concurrent user limit', name: 'RoomFull' },
] as const

/**
 * One connection of one id to a stock PeerServer, by whichever transport. Our messages travel in it
 * as payloads of `OFFER`, in base 64: the server carries them unread to any other id.
 *
 * A server that still knows the id and its token, as after a lost network, says no `OPEN`. So the
 * connection counts as open when a message to ourselves has come back.
 */
export class PeerServerConnection {
  readonly id: string
  readonly #runtime: Runtime
  readonly #events: PeerServerConnectionEvents
  #transport: PeerServerTransport | undefined
  #isOpen = false
  #isClosed = false
  readonly #handshake: Timer
  #timer: Timer | undefined
  #heard = 0

  constructor(runtime: Runtime, client: PeerServerClient, id: string, events: PeerServerConnectionEvents) {
    this.id = id
    this.#runtime = runtime
    this.#events = events
    this.#handshake = runtime.timer(handshakeTimeout, () => this.#end('no answer in time'))
    try {
      this.#transport = client.open({
        open: () => this.#ask(),
        carried: (from, message) => this.#take(from, message),
        expired: (peer) => {
          if (!this.#isClosed) events.expired(peer)
        },
        closed: (problem, taken) => this.#end(problem, taken),
      })
    } catch (error) {
      const problem = error instanceof Error ? error.message : 'not a URL'
      this.#timer = runtime.timer(0, () => this.#end(problem))
      return
    }
    this.#try()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get buffered(): number {
    return this.#transport?.buffered ?? 0
  }

  /** Makes direct links; undefined where there are none, or no connection to negotiate them over. */
  get dial(): PeerServerTransport['dial'] {
    return this.#isOpen ? this.#transport?.dial : undefined
  }

  send(to: string, message: Message): void {
    this.#transport?.send(to, { type: 'OFFER', payload: { ringmesh: toBase64(encodeMessage(message)) } })
  }

  /** Closes it without another event. The server then forgets the id. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isOpen = false
    this.#timer?.cancel()
    this.#handshake.cancel()
    this.#transport?.close()
  }

  #ask(): void {
    if (!this.#isOpen && !this.#isClosed) this.send(this.id, { type: 'signal.ping' })
  }

  /** Not every transport tells when the time has come to ask. */
  #try(): void {
    this.#timer = this.#runtime.timer(tryEvery, () => {
      this.#ask()
      this.#try()
    })
  }

  #take(from: string, carried: CarriedMessage): void {
    // No peer and no lobby has another name.
    if (this.#isClosed || !v.is(peerId, from)) return
    this.#heard = this.#runtime.now()
    const message = carried.type === 'OFFER' ? ours(carried.payload) : undefined
    if (message === undefined) this.#describe(from, carried)
    else if (from !== this.id) this.#events.message(from, message)
    else if (!this.#isOpen) this.#opened()
  }

  #describe(from: string, carried: CarriedMessage): void {
    const dial = dialOf(carried)
    if (dial === undefined) return
    let description: ConnectionDescription
    try {
      description = connectionDescription(describedBy(carried))
    } catch {
      return
    }
    this.#events.described?.(from, dial, description)
  }

  #opened(): void {
    this.#isOpen = true
    this.#handshake.cancel()
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
    this.#transport?.heartbeat?.()
    this.#timer = this.#runtime.timer(heartbeatEvery, () => this.#beat())
  }

  #end(said: string, taken = false): void {
    if (this.#isClosed) return
    this.close()
    const problem = said.slice(0, longestProblem)
    const found = verdicts.find(({ text }) => problem.includes(text))
    this.#events.closed(problem, taken, found && new RingmeshError(found.name, problem))
  }
}

/** The message in a payload; undefined when another program uses this id, or it is malformed. */
function ours(payload: unknown): Message | undefined {
  const text = (payload as { ringmesh?: unknown } | null | undefined)?.ringmesh
  // Base 64 takes four characters for three bytes.
  if (typeof text !== 'string' || text.length > 2 * limits.messageBytes) return undefined
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
