import { RingmeshError } from '../../errors/index.js'
import { type Runtime, randomId, type Timer } from '../../runtime/index.js'
import { encodeMessage, type Message, type PeerId, type PeerInfo, packValue } from '../../wire/index.js'
import type { OpenDirect } from '../direct-link.js'
import type { LinkEvents } from '../link.js'
import type { Signaling, SignalingEvents } from '../signaling.js'
import { PeerServerConnection } from './peer-server-connection.js'
import { PeerServerLobbies } from './peer-server-lobbies.js'
import { mostMembers } from './peer-server-lobby.js'
import type { PeerServerClient, PeerServerClients } from './peer-server-transport.js'
import { Reconnection } from './reconnection.js'
import { UnopenedDials } from './unopened-dials.js'

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
 * - A link that ends may be the holder's: the lobbies are asked at once, and not only when it is time to
 *   enter them again. The mesh ends the links of those that it declares dead.
 * - After a lost network the same id and token are used again, which the server allows.
 */
export class PeerServerSignaling implements Signaling {
  readonly #runtime: Runtime
  readonly #where: string
  readonly #self: PeerInfo
  readonly #events: SignalingEvents
  readonly #known = new Map<PeerId, PeerInfo>()
  #client: PeerServerClient | undefined
  #connection: PeerServerConnection | undefined
  readonly #dials = new UnopenedDials()
  #lobbies: PeerServerLobbies | undefined
  readonly #reconnection: Reconnection
  #timer: Timer | undefined
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
    this.#reconnection = new Reconnection(runtime)
    this.#where = where
    this.#self = self
    this.#events = events
    const token = randomId(runtime)
    void clients.then((made) => {
      this.#client = made(self.id, token)
      this.#lobbies = new PeerServerLobbies(runtime, made, room, self, {
        send: (to, message) => this.#send(to, message),
        isOpen: () => !this.#isClosed && this.#connection?.isOpen === true,
        // Those who are alive meet when one is free again.
        unanswered: () => this.#welcome([]),
      })
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
  readonly dial: OpenDirect = (remote, initiator, iceServers, signal, events, number) => {
    const dial = this.#connection?.dial
    if (dial === undefined) throw new Error('not connected to the PeerServer')
    let hasOpened = false
    const watched: LinkEvents = {
      open: () => {
        hasOpened = true
        events.open()
      },
      frame: (bytes) => events.frame(bytes),
      drain: () => events.drain(),
      trouble: () => {
        this.#lobbies?.doubt()
        events.trouble()
      },
      close: (reason) => {
        if (hasOpened) this.#lobbies?.doubt()
        events.close(reason)
      },
    }
    return this.#dials.dial(dial, remote, initiator, iceServers, signal, watched, number)
  }

  close(clean: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isWelcome = false
    this.#timer?.cancel()
    if (clean) this.#lobbies?.leave()
    this.#lobbies?.close()
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
        this.#reconnection.welcomed()
        this.#wasOpen = true
        this.#lobbies?.opened()
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
    this.#connection = undefined
    this.#lobbies?.close()
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
    // Only of a connection that was open, which left none of its attempts.
    if (this.#attempts === 0) this.#reconnection.ended()
    this.#timer = this.#runtime.timer(this.#reconnection.wait(this.#attempts), () => this.#connect())
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
    if (this.#lobbies?.heard(from) !== true) return
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
    for (const peer of peers) this.#remember(peer)
    this.#events.welcome(peers, [])
  }

  #joined(peer: PeerInfo): void {
    if (peer.id === this.#self.id || this.#known.has(peer.id)) return
    this.#remember(peer)
    this.#events.joined(peer)
  }

  /** No lobby that tells the truth names more. */
  #remember(peer: PeerInfo): void {
    if (this.#known.size < mostMembers) this.#known.set(peer.id, peer)
  }
}

/** The wire's types want memory that is not shared, which frames never are. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
