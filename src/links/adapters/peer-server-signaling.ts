import { RingmeshError } from '../../errors/index.js'
import { type Runtime, randomId, type Timer } from '../../runtime/index.js'
import {
  encodeMessage,
  type Message,
  type PeerId,
  type PeerInfo,
  packValue,
  protocolVersion,
} from '../../wire/index.js'
import type { OpenDirect } from '../conversation.js'
import type { Signaling, SignalingEvents } from '../signaling.js'
import { PeerServerConnection } from './peer-server-connection.js'
import { lobbyId, PeerServerLobby } from './peer-server-lobby.js'
import type { PeerServerClient, PeerServerClients } from './peer-server-transport.js'
import { UnopenedDials } from './unopened-dials.js'

/** Lobbies of a room. The second and third serve while the server takes a vanished holder of the first for alive. */
const lobbies = 3
/** Everyone enters every lobby again this often, in milliseconds: presence, and how a new holder learns who is there. */
const enterEvery = 5_000
/** A lobby that has not answered for so long after being entered has no holder, or one that vanished. In milliseconds. */
const answerWithin = 2_000
/** Everyone may notice at once that there is no holder; they try to become it spread over this time, in milliseconds. */
const claimSpread = 1_000
/** Waits before another connection, in milliseconds: full jitter over a range that doubles. */
const backoff = { first: 500, longest: 30_000 }

/**
 * A place in a room that a stock PeerServer carries, with no server of ringmesh's own.
 *
 * A PeerServer carries messages between ids and knows no rooms. So the room's name gives three
 * well-known ids, its lobbies; whoever finds none of them answering tries to take the first that is
 * free, and the server's `ID-TAKEN` decides who has it. Everyone enters the lobbies every few
 * seconds; the holder keeps the list and tells newcomers. When it goes, another takes its place and
 * learns the list from those who enter next.
 *
 * - A client that vanished stays taken and `open` at the server for a minute or more. Its lobby does
 *   not answer, so the next one is used; of two that answer the higher gives way.
 * - After a lost network the same id and token are used again, which the server allows.
 */
export class PeerServerSignaling implements Signaling {
  readonly #runtime: Runtime
  readonly #where: string
  readonly #room: string
  readonly #self: PeerInfo
  readonly #events: SignalingEvents
  readonly #known = new Map<PeerId, PeerInfo>()
  /** When each lobby last answered. */
  readonly #answered: number[] = Array.from({ length: lobbies }, () => Number.NEGATIVE_INFINITY)
  #clients: PeerServerClients | undefined
  #client: PeerServerClient | undefined
  #connection: PeerServerConnection | undefined
  readonly #dials = new UnopenedDials()
  #held: { index: number; lobby: PeerServerLobby; isOurs: boolean } | undefined
  #timer: Timer | undefined
  #claim: Timer | undefined
  #isWelcome = false
  #wasWelcome = false
  #wasOpen = false
  #isClosed = false
  #attempts = 0

  /**
   * @param clients - ready when what they need is loaded
   * @param where - the server's address, for errors
   */
  constructor(
    runtime: Runtime,
    clients: Promise<PeerServerClients>,
    where: string,
    room: string,
    self: PeerInfo,
    events: SignalingEvents,
  ) {
    this.#runtime = runtime
    this.#where = where
    this.#room = room
    this.#self = self
    this.#events = events
    const token = randomId(runtime)
    void clients.then((made) => {
      this.#clients = made
      this.#client = made(self.id, token)
      if (!this.#isClosed) this.#connect()
    })
  }

  get connected(): boolean {
    return this.#isWelcome
  }

  get buffered(): number {
    return this.#connection?.buffered ?? 0
  }

  sendOffer(to: PeerId, payload: Uint8Array): void {
    if (this.#isWelcome) this.#send(to, { type: 'signal.offer', to, payload: owned(payload) })
  }

  relay(to: PeerId, frame: Uint8Array): void {
    if (this.#isWelcome) this.#send(to, { type: 'signal.relay', to, frame: owned(frame) })
  }

  /** Makes a direct link, negotiated over the PeerServer as PeerJS does it. */
  readonly dial: OpenDirect = (...parameters) => {
    const dial = this.#connection?.dial
    if (dial === undefined) throw new Error('not connected to the PeerServer')
    return this.#dials.dial(dial, ...parameters)
  }

  close(clean: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isWelcome = false
    this.#timer?.cancel()
    this.#claim?.cancel()
    if (clean)
      for (let index = 0; index < lobbies; index++)
        this.#send(lobbyId(this.#room, index), { type: 'signal.leave' })
    this.#release()
    this.#connection?.close()
  }

  #send(to: string, message: Message): void {
    this.#connection?.send(to, message)
  }

  #connect(): void {
    const client = this.#client
    if (client === undefined) return
    this.#attempts++
    this.#connection = new PeerServerConnection(this.#runtime, client, this.#self.id, {
      open: () => {
        this.#attempts = 0
        this.#wasOpen = true
        this.#answered.fill(Number.NEGATIVE_INFINITY)
        this.#enter()
        // The first of a room need not wait for an answer that nobody can give.
        if (this.#held === undefined) this.#hold(0)
      },
      message: (from, message) => this.#take(from, message),
      described: (from, dial, description) => {
        const payload = owned(packValue(description))
        this.#events.offered(from, encodeMessage({ type: 'session.dial', dial, payload }))
      },
      expired: (id) => {
        // The dial would only run into its time-out.
        this.#dials.end(id, 'nobody has this id at the PeerServer')
        if (this.#known.delete(id)) this.#events.closed(id, false)
      },
      closed: (problem, _taken, verdict) => this.#lost(problem, verdict),
    })
  }

  #lost(problem: string, verdict: RingmeshError | undefined): void {
    this.#timer?.cancel()
    this.#claim?.cancel()
    this.#connection = undefined
    this.#release()
    const wasWelcome = this.#isWelcome
    this.#isWelcome = false
    if (wasWelcome) this.#events.lost()
    if (this.#isClosed) return
    if (!this.#wasOpen) {
      this.#isClosed = true
      this.#events.refused(
        verdict ?? new RingmeshError('SignalUnreachable', `no PeerServer at ${this.#where}: ${problem}`),
      )
      return
    }
    const range = Math.min(backoff.longest, backoff.first * 2 ** Math.min(this.#attempts, 10))
    this.#timer = this.#runtime.timer(this.#runtime.random() * range, () => this.#connect())
  }

  /** Enters every lobby; then looks who answered. */
  #enter(): void {
    const entered = this.#runtime.now()
    const join = { protocol: protocolVersion, room: this.#room, peer: this.#self, token: null }
    for (let index = 0; index < lobbies; index++)
      this.#send(lobbyId(this.#room, index), { type: 'signal.join', ...join })
    this.#timer = this.#runtime.timer(answerWithin, () => {
      this.#look(entered)
      this.#timer = this.#runtime.timer(enterEvery - answerWithin, () => this.#enter())
    })
  }

  #look(since: number): void {
    const first = this.#answered.findIndex((at) => at >= since)
    if (first === -1) this.#claimSoon()
    // Of two lobbies that work the higher gives way.
    else if (this.#held !== undefined && this.#held.index > first) this.#release()
  }

  #claimSoon(): void {
    this.#claim?.cancel()
    this.#claim = this.#runtime.timer(this.#runtime.random() * claimSpread, () => {
      if (this.#held === undefined) this.#hold(0)
    })
  }

  /** Tries to become the holder of a lobby, or of the next when the server says that it is taken. */
  #hold(index: number): void {
    if (this.#clients === undefined) return
    if (index >= lobbies) {
      // All are held by someone who does not answer; those who are alive meet when one is free again.
      this.#welcome([])
      return
    }
    const held = {
      index,
      isOurs: false,
      lobby: new PeerServerLobby(
        this.#runtime,
        this.#clients,
        lobbyId(this.#room, index),
        this.#room,
        (isHeld, isTaken) => {
          held.isOurs = isHeld
          if (isHeld) {
            this.#timer?.cancel()
            this.#enter()
            return
          }
          if (this.#held === held) this.#held = undefined
          if (isTaken && !this.#isClosed && this.#connection?.isOpen) this.#tryNext(index)
        },
      ),
    }
    this.#held = held
  }

  /** The lobby is taken: by one who came first and will answer, or by one who vanished. */
  #tryNext(index: number): void {
    const asked = this.#runtime.now()
    const join = { protocol: protocolVersion, room: this.#room, peer: this.#self, token: null }
    this.#send(lobbyId(this.#room, index), { type: 'signal.join', ...join })
    this.#claim?.cancel()
    this.#claim = this.#runtime.timer(answerWithin, () => {
      if (this.#held === undefined && this.#answered.every((at) => at < asked)) this.#hold(index + 1)
    })
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    held?.lobby.close()
  }

  #take(from: string, message: Message): void {
    switch (message.type) {
      case 'signal.offer':
        this.#events.offered(from, message.payload)
        return
      case 'signal.relay':
        this.#events.relayed(from, message.frame)
        return
    }
    const lobby = Array.from({ length: lobbies }, (_, index) => lobbyId(this.#room, index)).indexOf(from)
    if (lobby === -1) return
    this.#answered[lobby] = this.#runtime.now()
    switch (message.type) {
      case 'signal.welcome':
        this.#welcome(message.peers)
        return
      case 'signal.joined':
        this.#joined(message.peer)
        return
      case 'signal.closed':
        this.#known.delete(message.peer)
        this.#events.closed(message.peer, message.clean)
        return
      case 'signal.pong':
        // The holder did not notice that we were away: whom we know is who is there, until it sends its list.
        if (this.#wasWelcome && !this.#isWelcome) this.#welcome([...this.#known.values()])
        return
      case 'signal.refused':
        if (this.#isWelcome) return
        this.close(false)
        this.#events.refused(
          new RingmeshError(
            message.error === 'Busy' || message.error === 'BadFrame' ? 'RoomFull' : message.error,
            message.detail,
          ),
        )
        return
    }
  }

  #welcome(peers: readonly PeerInfo[]): void {
    if (this.#isWelcome) {
      for (const peer of peers) this.#joined(peer)
      return
    }
    this.#isWelcome = true
    this.#wasWelcome = true
    this.#known.clear()
    for (const peer of peers) this.#known.set(peer.id, peer)
    this.#events.welcome(peers, [])
  }

  #joined(peer: PeerInfo): void {
    if (peer.id === this.#self.id || this.#known.has(peer.id)) return
    this.#known.set(peer.id, peer)
    this.#events.joined(peer)
  }
}

/** The wire's types want memory that is not shared, which frames never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
