import * as v from 'valibot'
import {
  type Connection,
  closeCodes,
  type GuardedSocket,
  type LocalPeer,
  type Presence,
  type RefusalReason,
  type SocketOwner,
  type Ticket,
  type Verdict,
} from '../rooms/index.js'
import { type PeerJsClientMessage, peerJsFrame, peerJsId, readPeerJsFrame } from './peerjs-message.js'
import type { PeerJsCaller, PeerJsState } from './peerjs-state.js'

/** What is carried from client to client. EXPIRE is not: only the server may say who cannot be reached. */
const carried: ReadonlySet<string> = new Set(['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE'])

type Stage = 'greeting' | 'entering' | 'inside' | 'closed'

/** One socket of one PeerJS client. */
export class PeerJsConnection implements Connection, LocalPeer, SocketOwner {
  readonly #door: PeerJsState
  readonly #socket: GuardedSocket
  #stage: Stage = 'greeting'
  #id = ''
  #token = new Uint8Array()
  #ticket: Ticket | undefined
  #session = 0

  constructor(door: PeerJsState, socket: GuardedSocket) {
    this.#door = door
    this.#socket = socket
  }

  get info(): Uint8Array {
    return this.#token
  }

  get inside(): boolean {
    return this.#stage === 'inside'
  }

  /** Looks at what the client says of itself; everything stands in its URL. */
  greet({ id, token, key }: PeerJsCaller): void {
    const { admission, key: ours, digest } = this.#door.options
    if (!id || !token || !key) {
      this.#refuse('bad-frame', 'No id, token, or key supplied to websocket server')
    } else if (!v.is(peerJsId, id)) this.#refuse('bad-frame', 'Invalid id provided')
    else if (key !== ours) this.#refuse('key', 'Invalid key provided')
    else if (this.#door.draining) this.#refuseDraining()
    else {
      this.#id = id
      this.#token = Uint8Array.from(digest(token))
      const peer = { id, kind: 'tab', weight: 0, host: 'peerjs' } as const
      admission.admit({ room: this.#door.room, peer, token }, (verdict) => this.#judged(verdict))
    }
  }

  receive(frame: Uint8Array): void {
    if (this.#stage === 'closed') return
    const now = this.#door.options.runtime.now()
    this.#socket.took(frame.byteLength, now)
    const message = readPeerJsFrame(frame)
    if (message === undefined) this.malformed('bad-frame', 'the frame is no message in JSON')
    else if (this.#stage === 'inside' && carried.has(message.type)) this.#carry(message)
  }

  malformed(reason: 'frame-too-long' | 'bad-frame', detail: string): void {
    this.#refuse(reason, 'Invalid message', detail)
  }

  alive(): void {
    this.#socket.heard(this.#door.options.runtime.now())
  }

  late(): void {
    this.#refuse('handshake-timeout', 'The handshake took too long')
  }

  tick(): void {
    const { runtime, tally } = this.#door.options
    if (this.#ticket === undefined || runtime.wallClock() < this.#ticket.expires) return
    tally.expired++
    runtime.log('info', 'the token of a PeerJS client has expired', this.#details())
    this.#depart(false)
    this.#socket.end(closeCodes.expired, 'the token has expired')
  }

  closed(): void {
    this.#depart(false)
    this.#door.options.sockets.remove(this.#socket)
  }

  welcome(): void {
    const { runtime, tally } = this.#door.options
    this.#stage = 'inside'
    tally.joins++
    runtime.log('info', 'a PeerJS client joined', this.#details())
    this.#send({ type: 'OPEN' })
  }

  deliver(frame: Uint8Array): void {
    this.#socket.send(frame)
  }

  replaced(): void {
    if (this.#stage === 'closed') return
    this.#door.options.tally.replaced++
    this.#stage = 'closed'
    this.#socket.end(closeCodes.replaced, 'this client connected again on another socket')
  }

  /** PeerServer knows a client that comes back by its token. */
  mayReplace(other: Presence): boolean {
    const same =
      other.info.byteLength === this.#token.byteLength &&
      other.info.every((byte, index) => byte === this.#token[index])
    if (!same) {
      this.#note('id-taken', 'ID is taken')
      this.#send({ type: 'ID-TAKEN', payload: { msg: 'ID is taken' } })
      this.#stage = 'closed'
      this.#socket.end(closeCodes.refused, 'ID is taken')
    }
    return same
  }

  #judged(verdict: Verdict): void {
    if (this.#stage !== 'greeting') return
    const { directory } = this.#door.options
    const { room, announcements } = this.#door
    if (!verdict.admitted) {
      this.#refuse(verdict.reason, 'Invalid token provided', verdict.detail)
      return
    }
    if (this.#door.draining) {
      this.#refuseDraining()
      return
    }
    // The limit of a room is for meshes, where everybody knows everybody; here that of an instance's connections is enough.
    this.#ticket = verdict.ticket
    this.#stage = 'entering'
    this.#session = directory.enter(room, this.#id, this, announcements)
  }

  #carry({ type, dst, payload }: PeerJsClientMessage): void {
    const { directory, tally } = this.#door.options
    if (!dst) {
      if (type === 'LEAVE') this.#leave()
      return
    }
    const frame = peerJsFrame({ type, src: this.#id, dst, payload })
    tally.offers++
    if (directory.deliver(this.#door.room, dst, frame)) return
    tally.unreachable++
    if (type !== 'LEAVE') this.#door.waiting.add(this.#id, dst, frame)
  }

  #leave(): void {
    this.#door.options.tally.leaves++
    this.#depart(true)
    this.#socket.end(closeCodes.left, '')
  }

  #depart(clean: boolean): void {
    if (this.#stage === 'closed') return
    const { directory, admission } = this.#door.options
    const entered = this.#stage === 'inside' || this.#stage === 'entering'
    this.#stage = 'closed'
    if (!entered) return
    if (clean && this.#ticket !== undefined) admission.spend(this.#ticket)
    directory.leave(this.#door.room, this.#id, this.#session, clean)
  }

  #refuseDraining(): void {
    this.#refuse('draining', 'Server is about to stop')
  }

  #refuse(reason: RefusalReason, msg: string, detail = msg): void {
    if (this.#stage === 'closed') return
    this.#note(reason, detail)
    this.#send({ type: 'ERROR', payload: { msg } })
    this.#depart(false)
    this.#socket.end(closeCodes.refused, msg)
  }

  #note(reason: RefusalReason, detail: string): void {
    const { runtime, tally } = this.#door.options
    tally.refused(reason)
    runtime.log('warn', 'a PeerJS client was refused', { ...this.#details(), reason, detail })
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    this.#socket.send(peerJsFrame(message))
  }

  #details(): Record<string, unknown> {
    return { address: this.#socket.address, room: this.#door.room, peer: this.#id }
  }
}
