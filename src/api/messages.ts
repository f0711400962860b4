import { InvalidOption, RingmeshError } from '../errors/index.js'
import { type Cluster, isGone } from '../mesh/index.js'
import { limits, type Message, type PeerId, packValue, unpackValue } from '../wire/index.js'

/** Called with what another peer sent, and the id of that peer. */
export type MessageListener = (message: unknown, from: PeerId) => void

/** Messages that wait for room at once, for each peer; more are refused with `QueueFull`. */
const waitingAtMost = 1024

/** Bytes of a message's envelope, generously: its code, a request's number, a view. */
const envelopeBytes = 256

interface Waiting {
  readonly message: Message
  resolve(): void
  reject(error: RingmeshError): void
}

/** What pages say to pages: values, in order, with backpressure up to the caller. */
export class Messages {
  readonly #cluster: Cluster
  readonly #listeners = new Set<MessageListener>()
  readonly #waiting = new Map<PeerId, Waiting[]>()
  #isClosed = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.receive('mesh.user', ({ body }, from) => this.#deliver(body, from))
    cluster.on('down', ({ id }) => {
      this.#fail(id, new RingmeshError('UnknownPeer', `send: ${id} left the mesh before the message did`))
    })
  }

  /** See `Mesh.send`. */
  send(to: PeerId, value: unknown): Promise<void> | undefined {
    this.#refuseWhenClosed()
    if (typeof to !== 'string') throw new InvalidOption('send.peerId', to, 'must be the id of a peer')
    return this.#send(to, { type: 'mesh.user', body: packed(value, 'send.message') })
  }

  /** See `Mesh.broadcast`. */
  broadcast(value: unknown): Promise<void> | undefined {
    this.#refuseWhenClosed()
    const message: Message = { type: 'mesh.user', body: packed(value, 'broadcast.message') }
    const others = this.#cluster.members().filter(({ id }) => id !== this.#cluster.self)
    // All or none: a caller could not tell who has it.
    for (const { id } of others) this.#refuseWhenFull(id)
    const waits: Promise<void>[] = []
    for (const { id } of others) {
      const wait = this.#send(id, message)
      // Whoever goes while its copy waits has no more need of it.
      if (wait) waits.push(wait.catch(() => {}))
    }
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {})
  }

  on(listener: MessageListener): () => void {
    const own: MessageListener = (message, from) => listener(message, from)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** There is room for more to `peer`. */
  drained(peer: PeerId): void {
    const waiting = this.#waiting.get(peer)
    while (waiting?.[0] && this.#cluster.send(peer, waiting[0].message)) waiting.shift()?.resolve()
    if (waiting?.length === 0) this.#waiting.delete(peer)
  }

  /** The mesh was left: what waits is refused, and whatever comes. */
  close(): void {
    this.#isClosed = true
    for (const id of [...this.#waiting.keys()]) this.#fail(id, wasLeft())
  }

  #send(to: PeerId, message: Message): Promise<void> | undefined {
    const waiting = this.#waiting.get(to)
    if (waiting === undefined && this.#cluster.send(to, message)) return undefined
    const member = this.#cluster.member(to)
    if (member === undefined || isGone(member.state)) {
      throw new RingmeshError('UnknownPeer', `send: there is no peer ${to} in the mesh`)
    }
    this.#refuseWhenFull(to)
    return new Promise((resolve, reject) => {
      const entry = { message, resolve, reject }
      if (waiting) waiting.push(entry)
      else this.#waiting.set(to, [entry])
    })
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw wasLeft()
  }

  #refuseWhenFull(to: PeerId): void {
    if ((this.#waiting.get(to)?.length ?? 0) >= waitingAtMost) {
      throw new RingmeshError('QueueFull', `send: ${waitingAtMost} messages wait for ${to} already`)
    }
  }

  #fail(peer: PeerId, error: RingmeshError): void {
    const waiting = this.#waiting.get(peer) ?? []
    this.#waiting.delete(peer)
    for (const { reject } of waiting) reject(error)
  }

  #deliver(body: Uint8Array, from: PeerId): void {
    let value: unknown
    try {
      value = unpackValue(body)
    } catch (error) {
      this.#cluster.runtime.log('warn', 'a message of a peer cannot be read', { from, error })
      return
    }
    for (const listener of [...this.#listeners]) {
      try {
        listener(value, from)
      } catch (error) {
        this.#cluster.runtime.log('error', "a listener of 'message' threw", { error })
      }
    }
  }
}

function wasLeft(): RingmeshError {
  return new RingmeshError('Closed', 'send: the mesh was left')
}

function packed(value: unknown, at: string): Uint8Array {
  const body = packValue(value)
  if (body.byteLength > limits.messageBytes - envelopeBytes) {
    throw new RingmeshError(
      'TooLarge',
      `${at}: ${body.byteLength} bytes are over the ${limits.messageBytes} of a message`,
    )
  }
  return body
}
