import { BadFrame } from '../errors/index.js'
import type { Runtime, Timer } from '../runtime/index.js'
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageType,
  messageDefinition,
  type PeerId,
  type Priority,
} from '../wire/index.js'
import type { Outcome, Request } from './cluster.js'
import { askedAtOnce, servedAtOnce } from './constants.js'

type RefusalReason = 'unserved' | 'malformed' | 'busy' | 'closing'
type Server = (message: Message, request: Request) => void

interface Asked {
  readonly to: PeerId
  readonly settle: (outcome: Outcome) => void
  readonly timer: Timer
}

export interface RequestsOptions {
  runtime: Runtime
  /** The digest that every request and reply carries. */
  view: () => string
  /** Queues a message in the lane of `priority`; false when it was dropped. */
  send: (to: PeerId, message: Message, priority?: Priority) => boolean
  /** Whether asking this peer makes sense at all. */
  isUp: (peer: PeerId) => boolean
}

/**
 * Requests and their answers over messages. Each request ends exactly once: with the answer, a
 * refusal, the peer's death, or its time-out. What comes late or twice is dropped.
 */
export class Requests {
  readonly #options: RequestsOptions
  readonly #asked = new Map<number, Asked>()
  readonly #served = new Map<PeerId, number>()
  readonly #servers = new Map<MessageType, Server>()
  #nextId = 0
  #closing = false

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  /** Requests of this peer that wait for an answer. */
  get waiting(): number {
    return this.#asked.size
  }

  ask(to: PeerId, message: Message, timeout: number, settle: (outcome: Outcome) => void): () => void {
    const { runtime, send, isUp, view } = this.#options
    const id = this.#nextId++
    const refused = (outcome: Outcome): (() => void) => {
      const timer = runtime.timer(0, () => settle(outcome))
      return () => timer.cancel()
    }
    if (!isUp(to)) return refused({ kind: 'down' })
    if (this.#asked.size >= askedAtOnce) return refused({ kind: 'refused', reason: 'busy' })
    const request: Message = { type: 'mesh.request', id, view: view(), body: encodeMessage(message) }
    if (!send(to, request, urgency(message))) {
      return refused(isUp(to) ? { kind: 'refused', reason: 'busy' } : { kind: 'down' })
    }
    const timer = runtime.timer(timeout, () => this.#settle(id, { kind: 'timeout' }))
    this.#asked.set(id, { to, settle, timer })
    return () => {
      timer.cancel()
      this.#asked.delete(id)
    }
  }

  serve(type: MessageType, server: Server): () => void {
    if (this.#servers.has(type)) throw new Error(`${type} is served already`)
    this.#servers.set(type, server)
    return () => {
      if (this.#servers.get(type) === server) this.#servers.delete(type)
    }
  }

  /** Takes `mesh.request`, `mesh.reply` and `mesh.refuse`. */
  receive(
    from: PeerId,
    message: Extract<Message, { type: 'mesh.request' | 'mesh.reply' | 'mesh.refuse' }>,
  ): void {
    if (message.type === 'mesh.request') {
      this.#answer(from, message)
      return
    }
    const asked = this.#asked.get(message.id)
    if (asked === undefined || asked.to !== from) return
    if (message.type === 'mesh.refuse') {
      this.#settle(message.id, { kind: 'refused', reason: message.reason })
      return
    }
    const reply = decoded(message.body)
    this.#settle(
      message.id,
      reply ? { kind: 'reply', message: reply } : { kind: 'refused', reason: 'malformed' },
    )
  }

  /** Ends every request to a peer that is dead or gone. */
  down(peer: PeerId): void {
    this.#served.delete(peer)
    for (const [id, asked] of this.#asked) if (asked.to === peer) this.#settle(id, { kind: 'down' })
  }

  /** Refuses all that comes from now on and ends all that waits. */
  close(): void {
    this.#closing = true
    for (const id of [...this.#asked.keys()]) this.#settle(id, { kind: 'refused', reason: 'closing' })
  }

  #settle(id: number, outcome: Outcome): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    this.#asked.delete(id)
    asked.timer.cancel()
    asked.settle(outcome)
  }

  #answer(from: PeerId, { id, view, body }: Extract<Message, { type: 'mesh.request' }>): void {
    const { send, runtime } = this.#options
    const refuse = (reason: RefusalReason): void => {
      send(from, { type: 'mesh.refuse', id, reason })
    }
    const message = this.#closing ? undefined : decoded(body)
    const server = message && this.#servers.get(message.type)
    const inHand = this.#served.get(from) ?? 0
    if (message === undefined || server === undefined || inHand >= servedAtOnce) {
      refuse(this.#closing ? 'closing' : !message ? 'malformed' : !server ? 'unserved' : 'busy')
      return
    }
    this.#served.set(from, inHand + 1)
    let answered = false
    const once = (answer: () => void): void => {
      if (answered) return
      answered = true
      const left = this.#served.get(from)
      if (left !== undefined) this.#served.set(from, left - 1)
      answer()
    }
    const reply = (answer: Message): void => {
      const wrapped: Message = {
        type: 'mesh.reply',
        id,
        view: this.#options.view(),
        body: encodeMessage(answer),
      }
      send(from, wrapped, urgency(answer))
    }
    try {
      server(message, {
        from,
        view,
        reply: (answer) => once(() => reply(answer)),
        refuse: (reason) => once(() => refuse(reason)),
      })
    } catch (error) {
      runtime.log('error', `serving ${message.type} failed`, { from, error })
      once(() => refuse('malformed'))
    }
  }
}

/** What a request or reply carries is as urgent as it is by itself: bulk in an envelope is bulk. */
function urgency(message: Message): Priority | undefined {
  return messageDefinition(message.type)?.priority
}

function decoded(body: Uint8Array): Message | undefined {
  try {
    return decodeMessage(body)
  } catch (error) {
    if (error instanceof BadFrame) return undefined
    throw error
  }
}
