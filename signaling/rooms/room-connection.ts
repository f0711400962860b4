import { encode } from '@msgpack/msgpack'
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type PeerInfo,
  protocolVersion,
} from '../../src/wire/index.js'
import type { Ticket, Verdict } from './admission.js'
import { isToBeCarried } from './carry.js'
import { type Connection, closeCodes } from './connection.js'
import { Courier } from './courier.js'
import { versionOfJoin } from './join-version.js'
import type { Present } from './present.js'
import type { DescribedPeer, RoomsState } from './rooms-state.js'
import type { GuardedSocket, SocketOwner } from './sockets.js'
import type { RefusalReason } from './tally.js'

type Join = Extract<Message, { type: 'signal.join' }>
type RefusedError = Extract<Message, { type: 'signal.refused' }>['error']

/** How far a socket has come: nothing said, token being looked at, waiting for the room, in it, done. */
type Stage = 'greeting' | 'admitting' | 'entering' | 'inside' | 'closed'

/** One socket of one peer at the rooms. */
export class RoomConnection implements Connection, DescribedPeer, SocketOwner {
  readonly #rooms: RoomsState
  readonly #socket: GuardedSocket
  #stage: Stage = 'greeting'
  #room = ''
  #peer: PeerInfo | undefined
  #courier: Courier | undefined
  #ticket: Ticket | undefined
  #session = 0
  /** When its ICE servers have to be renewed; undefined for never. */
  #renewAt: number | undefined

  constructor(rooms: RoomsState, socket: GuardedSocket) {
    this.#rooms = rooms
    this.#socket = socket
  }

  get inside(): boolean {
    return this.#stage === 'inside'
  }

  /** What it said of itself; undefined before. */
  get described(): PeerInfo | undefined {
    return this.#peer
  }

  get info(): Uint8Array {
    return encode(this.#peer)
  }

  receive(frame: Uint8Array): void {
    if (this.#stage === 'closed') return
    const now = this.#rooms.options.runtime.now()
    this.#socket.took(frame.byteLength, now)
    if (this.#stage === 'inside' && isToBeCarried(frame) && this.#carrying.carriedOn(frame, now)) return
    let message: Message
    try {
      message = decodeMessage(frame)
    } catch (error) {
      this.#undecodable(frame, error instanceof Error ? error.message : String(error))
      return
    }
    if (message.type === 'signal.join') this.#join(message)
    else if (message.type === 'signal.leave') this.#leave()
    else if (message.type === 'signal.ping') this.#send({ type: 'signal.pong' })
    else if (this.#stage === 'greeting') this.malformed('bad-frame', 'the first frame must be signal.join')
    else if (message.type === 'signal.offer') {
      if (this.#stage === 'inside') this.#carrying.offer(message, now)
    } else if (message.type === 'signal.relay') {
      if (this.#stage === 'inside') this.#carrying.relay(message, now)
    } else this.malformed('bad-frame', `${message.type} is not for a server`)
  }

  malformed(reason: 'frame-too-long' | 'bad-frame', detail: string): void {
    // Only a token can make a first frame so long.
    if (reason === 'frame-too-long' && this.#stage === 'greeting') {
      this.#refuse('Unauthorized', 'token-too-long', 'the token is too long')
    } else this.#refuse('BadFrame', reason, detail)
  }

  /** Refuses for a reason that stands before any frame, as an `Origin` that is not allowed. */
  forbid(reason: RefusalReason, detail: string): void {
    this.#refuse('Unauthorized', reason, detail)
  }

  alive(): void {
    this.#socket.heard(this.#rooms.options.runtime.now())
  }

  late(): void {
    if (this.#stage === 'closed') return
    this.#refuse('Busy', 'handshake-timeout', 'the handshake took too long')
  }

  tick(now: number): void {
    const { runtime, tally } = this.#rooms.options
    if (this.#ticket !== undefined && runtime.wallClock() >= this.#ticket.expires) {
      tally.expired++
      runtime.log('info', 'the token of a peer has expired', this.#details())
      this.#depart(false)
      this.#socket.end(closeCodes.expired, 'the token has expired: join again with a fresh one')
      return
    }
    if (this.#renewAt === undefined || now < this.#renewAt) return
    this.#send({ type: 'signal.iceServers', iceServers: this.#iceServers(now) })
  }

  closed(): void {
    this.#depart(false)
    this.#rooms.options.sockets.remove(this.#socket)
  }

  welcome(others: Iterable<Present>): void {
    const { runtime, tally } = this.#rooms.options
    this.#stage = 'inside'
    tally.joins++
    const peers: PeerInfo[] = []
    for (const other of others) {
      const peer = this.#rooms.peerOf(other)
      if (peer !== undefined) peers.push(peer)
    }
    runtime.log('info', 'a peer joined', this.#details(peers.length))
    this.#send({ type: 'signal.welcome', peers, iceServers: this.#iceServers(runtime.now()) })
    // It was not in yet when the others were told.
    if (this.#rooms.draining) this.#send({ type: 'signal.draining' })
  }

  mayJoin(inside: number): boolean {
    if (inside < this.#rooms.options.limits.peersPerRoom) return true
    this.#refuseFull()
    return false
  }

  deliver(frame: Uint8Array): void {
    this.#socket.send(frame)
  }

  replaced(): void {
    if (this.#stage === 'closed') return
    const { runtime, tally } = this.#rooms.options
    tally.replaced++
    runtime.log('info', 'a peer is back on another socket', this.#details())
    this.#stage = 'closed'
    this.#socket.end(closeCodes.replaced, 'this peer joined again on another socket')
  }

  #join(join: Join): void {
    if (this.#stage !== 'greeting') {
      this.malformed('bad-frame', 'a second signal.join on one socket')
      return
    }
    this.#room = this.#rooms.nameOf(join.room)
    this.#peer = join.peer
    if (join.protocol !== protocolVersion) this.#mismatch(join.protocol)
    else if (this.#rooms.draining) this.#refuseDraining()
    else {
      this.#stage = 'admitting'
      const { room, peer, token } = join
      this.#rooms.options.admission.admit({ room, peer, token }, (verdict) => this.#judged(peer, verdict))
    }
  }

  #judged(peer: PeerInfo, verdict: Verdict): void {
    if (this.#stage !== 'admitting') return
    const { limits, directory } = this.#rooms.options
    if (!verdict.admitted) {
      this.#refuse('Unauthorized', verdict.reason, verdict.detail)
      return
    }
    const population = directory.population(this.#room)
    if (this.#rooms.draining) this.#refuseDraining()
    else if (population === 0 && directory.rooms >= limits.rooms) {
      this.#refuse('RoomFull', 'too-many-rooms', `this server has its limit of ${limits.rooms} rooms`)
    } else if (population >= limits.peersPerRoom && !directory.has(this.#room, peer.id)) {
      this.#refuseFull()
    } else {
      this.#ticket = verdict.ticket
      this.#stage = 'entering'
      this.#session = directory.enter(this.#room, peer.id, this, this.#rooms.announcements)
    }
  }

  get #carrying(): Courier {
    this.#courier ??= new Courier(this.#rooms, this.#socket, this.#room, this.#peer?.id ?? '')
    return this.#courier
  }

  #leave(): void {
    const { runtime, tally } = this.#rooms.options
    if (this.#stage === 'inside') {
      tally.leaves++
      runtime.log('info', 'a peer left', this.#details())
    }
    this.#depart(true)
    this.#socket.end(closeCodes.left, '')
  }

  /** Takes the peer out of its room, if it is in one; the socket may still be open. */
  #depart(clean: boolean): void {
    if (this.#stage === 'closed') return
    const { directory, admission } = this.#rooms.options
    const entered = this.#stage === 'inside' || this.#stage === 'entering'
    this.#stage = 'closed'
    if (!entered || this.#peer === undefined) return
    if (clean && this.#ticket !== undefined) admission.spend(this.#ticket)
    directory.leave(this.#room, this.#peer.id, this.#session, clean)
  }

  #undecodable(frame: Uint8Array, detail: string): void {
    if (this.#stage === 'greeting') {
      const version = versionOfJoin(frame)
      if (version !== undefined && version !== protocolVersion) {
        this.#mismatch(version)
        return
      }
      if (detail.startsWith('signal.join: token')) {
        this.#refuse('Unauthorized', 'token-too-long', 'the token is too long')
        return
      }
    }
    this.malformed('bad-frame', detail)
  }

  #mismatch(version: number): void {
    this.#refuse(
      'ProtocolMismatch',
      'protocol',
      `this server speaks version ${protocolVersion}, the peer version ${version}`,
    )
  }

  #refuse(error: RefusedError, reason: RefusalReason, detail: string): void {
    if (this.#stage === 'closed') return
    const { runtime, tally } = this.#rooms.options
    tally.refused(reason)
    runtime.log('warn', 'a peer was refused', { ...this.#details(), error, reason, detail })
    this.#send({ type: 'signal.refused', error, detail: detail.slice(0, 1024) })
    this.#depart(false)
    this.#socket.end(closeCodes.refused, error)
  }

  #refuseFull(): void {
    const { peersPerRoom } = this.#rooms.options.limits
    this.#refuse('RoomFull', 'room-full', `the room has its limit of ${peersPerRoom} peers`)
  }

  #refuseDraining(): void {
    this.#refuse('Busy', 'draining', 'this server is about to stop')
  }

  #iceServers(now: number) {
    if (this.#peer === undefined) return []
    const { servers, renewAfter } = this.#rooms.options.iceServers(this.#peer)
    this.#renewAt = renewAfter === undefined ? undefined : now + renewAfter
    return servers
  }

  #send(message: Message): void {
    this.#socket.send(encodeMessage(message))
  }

  #details(others?: number): Record<string, unknown> {
    const { address } = this.#socket
    const room = this.#rooms.roomOf(this.#room)
    const peer = this.#peer?.id
    return others === undefined ? { address, room, peer } : { address, room, peer, others }
  }
}
