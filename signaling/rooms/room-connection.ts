import { decode, encode } from '@msgpack/msgpack'
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type PeerInfo,
  protocolVersion,
} from '../../src/wire/index.js'
import type { Ticket, Verdict } from './admission.js'
import { carriedFrame, packedId, readCarried } from './carry.js'
import { type Connection, closeCodes } from './connection.js'
import type { LocalPeer, Present } from './directory.js'
import type { Rooms } from './rooms.js'
import type { GuardedSocket, SocketOwner } from './sockets.js'
import type { RefusalReason } from './tally.js'

type Join = Extract<Message, { type: 'signal.join' }>
type Offer = Extract<Message, { type: 'signal.offer' }>
type Relay = Extract<Message, { type: 'signal.relay' }>
type RefusedError = Extract<Message, { type: 'signal.refused' }>['error']

/** The code of `signal.join`, which every version of the protocol starts with. */
const joinCode = 112

/** Elements of any array in a join of a later version: plenty, and little to make room for. */
const longestJoin = 1024

/** How far a socket has come: nothing said, token being looked at, waiting for the room, in it, done. */
type Stage = 'greeting' | 'admitting' | 'entering' | 'inside' | 'closed'

/** One socket of one peer at the {@link Rooms}. */
export class RoomConnection implements Connection, LocalPeer, SocketOwner {
  readonly #rooms: Rooms
  readonly #socket: GuardedSocket
  #stage: Stage = 'greeting'
  #room = ''
  #peer: PeerInfo | undefined
  /** Made when it is first needed, as an idle peer never does. */
  #packedId: Uint8Array | undefined
  #ticket: Ticket | undefined
  #session = 0
  /** When its ICE servers have to be renewed; undefined for never. */
  #renewAt: number | undefined

  constructor(rooms: Rooms, socket: GuardedSocket) {
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
    if (this.#stage === 'inside' && this.#carriedOn(frame, now)) return
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
    else if (message.type === 'signal.offer') this.#offer(message)
    else if (message.type === 'signal.relay') this.#relay(message, now)
    else this.malformed('bad-frame', `${message.type} is not for a server`)
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

  welcome(others: readonly Present[]): void {
    const { runtime, tally } = this.#rooms.options
    this.#stage = 'inside'
    tally.joins++
    runtime.log('info', 'a peer joined', { ...this.#details(), others: others.length })
    const peers: PeerInfo[] = []
    for (const other of others) {
      const peer = this.#rooms.peerOf(other)
      if (peer !== undefined) peers.push(peer)
    }
    this.#send({ type: 'signal.welcome', peers, iceServers: this.#iceServers(runtime.now()) })
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
    else if (this.#rooms.draining) this.#refuse('Busy', 'draining', 'this server is about to stop')
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
    if (population === 0 && directory.rooms >= limits.rooms) {
      this.#refuse('RoomFull', 'too-many-rooms', `this server has its limit of ${limits.rooms} rooms`)
    } else if (population >= limits.peersPerRoom && !directory.has(this.#room, peer.id)) {
      this.#refuse('RoomFull', 'room-full', `the room has its limit of ${limits.peersPerRoom} peers`)
    } else {
      this.#ticket = verdict.ticket
      this.#stage = 'entering'
      this.#session = directory.enter(this.#room, peer.id, this, this.#rooms.announcements)
    }
  }

  /** Carries an offer or relay frame on whose receiver is there; false leaves the frame to the codec. */
  #carriedOn(frame: Uint8Array, now: number): boolean {
    const carried = readCarried(frame)
    if (carried === undefined) return false
    const { directory, tally } = this.#rooms.options
    if (!directory.has(this.#room, carried.to)) return false
    this.#packedId ??= packedId(this.#peer?.id ?? '')
    if (!directory.deliver(this.#room, carried.to, carriedFrame(frame, carried, this.#packedId))) return false
    if (carried.code === 113) tally.offers++
    else this.#account(carried.size, now)
    return true
  }

  #offer({ to, payload }: Offer): void {
    if (this.#stage !== 'inside' || this.#peer === undefined) return
    this.#rooms.options.tally.offers++
    this.#carry(to, encodeMessage({ type: 'signal.offered', from: this.#peer.id, payload }))
  }

  #relay({ to, frame }: Relay, now: number): void {
    if (this.#stage !== 'inside' || this.#peer === undefined) return
    this.#account(frame.byteLength, now)
    this.#carry(to, encodeMessage({ type: 'signal.relayed', from: this.#peer.id, frame }))
  }

  #account(bytes: number, now: number): void {
    const { tally } = this.#rooms.options
    tally.relayFrames++
    tally.relayBytes += bytes
    const wait = this.#rooms.relayed(this.#room, bytes, now)
    if (wait === 0) return
    tally.throttledByRoom++
    this.#socket.pause(wait)
  }

  #carry(to: string, frame: Uint8Array): void {
    const { directory, tally } = this.#rooms.options
    if (directory.deliver(this.#room, to, frame)) return
    tally.unreachable++
    this.#send({ type: 'signal.unreachable', peer: to })
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
    this.#rooms.tidy(this.#room)
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

  #iceServers(now: number) {
    if (this.#peer === undefined) return []
    const { servers, renewAfter } = this.#rooms.options.iceServers(this.#peer)
    this.#renewAt = renewAfter === undefined ? undefined : now + renewAfter
    return servers
  }

  #send(message: Message): void {
    this.#socket.send(encodeMessage(message))
  }

  #details(): Record<string, unknown> {
    return { address: this.#socket.address, room: this.#room.slice(5), peer: this.#peer?.id }
  }
}

/** The version that a join of another version names, whatever else stands in it. */
function versionOfJoin(frame: Uint8Array): number | undefined {
  try {
    const tuple = decode(frame, { maxArrayLength: longestJoin })
    if (!Array.isArray(tuple) || tuple[0] !== joinCode) return undefined
    return Number.isInteger(tuple[1]) ? tuple[1] : undefined
  } catch {
    return undefined
  }
}
