import { type Runtime, randomId, type Timer } from '../../runtime/index.js'
import { type Message, type PeerId, type PeerInfo, protocolVersion } from '../../wire/index.js'
import { PeerServerConnection } from './peer-server-connection.js'
import type { PeerServerClients } from './peer-server-transport.js'

/** A member that has not entered again for so long is gone, in milliseconds: three of its turns, and a slow network. */
const absentAfter = 20_000
/** Members a lobby takes: everyone is told of everyone. */
export const mostMembers = 512
/** Every so many turns a member is sent the whole list, should a message have been lost. */
const listEvery = 6

interface Presence {
  readonly peer: PeerInfo
  heard: number
  turns: number
}

/**
 * The lobby of a room, held under a well-known id. It does what a signalling server does for
 * presence: keeps the list of who is there, gives it to newcomers, and tells the others.
 */
export class PeerServerLobby {
  readonly #runtime: Runtime
  readonly #room: string
  readonly #connection: PeerServerConnection
  readonly #members = new Map<PeerId, Presence>()
  #timer: Timer | undefined

  /** @param settled - whether the lobby is ours; called again with false when it is lost later */
  constructor(
    runtime: Runtime,
    clients: PeerServerClients,
    id: string,
    room: string,
    settled: (isHeld: boolean, isTaken: boolean) => void,
  ) {
    this.#runtime = runtime
    this.#room = room
    this.#connection = new PeerServerConnection(runtime, clients(id, randomId(runtime)), id, {
      open: () => {
        this.#sweep()
        settled(true, false)
      },
      message: (from, message) => this.#take(from, message),
      expired: (peer) => this.#gone(peer, false),
      closed: (_problem, isTaken) => {
        this.#timer?.cancel()
        settled(false, isTaken)
      },
    })
  }

  close(): void {
    this.#timer?.cancel()
    this.#connection.close()
  }

  #take(from: PeerId, message: Message): void {
    if (message.type === 'signal.leave') this.#gone(from, true)
    else if (message.type === 'signal.join' && message.peer.id === from && message.room === this.#room) {
      if (message.protocol === protocolVersion) this.#enter(message.peer)
      else this.#refuse(from, 'ProtocolMismatch', `this room speaks version ${protocolVersion}`)
    }
  }

  #enter(peer: PeerInfo): void {
    let presence = this.#members.get(peer.id)
    if (presence === undefined) {
      if (this.#members.size >= mostMembers) {
        this.#refuse(peer.id, 'RoomFull', `the room has ${mostMembers} peers`)
        return
      }
      presence = { peer, heard: 0, turns: 0 }
      for (const id of this.#members.keys()) this.#connection.send(id, { type: 'signal.joined', peer })
      this.#members.set(peer.id, presence)
    }
    presence.heard = this.#runtime.now()
    if (presence.turns++ % listEvery !== 0) {
      this.#connection.send(peer.id, { type: 'signal.pong' })
      return
    }
    const peers = [...this.#members.values()].map((other) => other.peer).filter(({ id }) => id !== peer.id)
    this.#connection.send(peer.id, { type: 'signal.welcome', peers, iceServers: [] })
  }

  #refuse(to: PeerId, error: 'RoomFull' | 'ProtocolMismatch', detail: string): void {
    this.#connection.send(to, { type: 'signal.refused', error, detail })
  }

  #gone(peer: PeerId, clean: boolean): void {
    if (!this.#members.delete(peer)) return
    for (const id of this.#members.keys()) this.#connection.send(id, { type: 'signal.closed', peer, clean })
  }

  #sweep(): void {
    const now = this.#runtime.now()
    for (const [id, { heard }] of [...this.#members]) if (now - heard > absentAfter) this.#gone(id, false)
    this.#timer = this.#runtime.timer(absentAfter / 4, () => this.#sweep())
  }
}

/** The id at the PeerServer of one of a room's lobbies. */
export function lobbyId(room: string, index: number): string {
  return `ringmesh-${fingerprint(room)}-${index}`
}

/** A room's name as 16 characters that every id may have: FNV-1a, in two passes of 32 bits with different starts. */
function fingerprint(room: string): string {
  let text = ''
  for (const start of [0x811c9dc5, 0x9e3779b9]) {
    let hash = start
    for (const byte of new TextEncoder().encode(room)) hash = Math.imul(hash ^ byte, 0x01000193)
    text += (hash >>> 0).toString(16).padStart(8, '0')
  }
  return text
}
