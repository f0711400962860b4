import type { Runtime, Timer } from '../../runtime/index.js'
import { type Message, type PeerInfo, protocolVersion } from '../../wire/index.js'
import { lobbyId, PeerServerLobby } from './peer-server-lobby.js'
import type { PeerServerClients } from './peer-server-transport.js'

/** Lobbies of a room. The second and third serve while the server takes a vanished holder of the first for alive. */
const lobbies = 3
/** Everyone enters every lobby again this often, in milliseconds: presence, and how a new holder learns who is there. */
const enterEvery = 5_000
/** A lobby that has not answered for so long after being entered has no holder, or one that vanished. In milliseconds. */
const answerWithin = 2_000
/** The same where a link has just ended, in milliseconds: a holder that lives answers in a few, and is only asked again. */
const answerWithinInDoubt = 500
/** All who were linked with it notice at once; they ask spread over this time, in milliseconds. */
const doubtSpread = 250
/** Everyone may notice at once that there is no holder; they try to become it spread over this time, in milliseconds. */
const claimSpread = 1_000
/** What the lobbies of a room ask of the member who enters them. */
export interface LobbiesEvents {
  send(to: string, message: Message): void
  /** Whether the server carries our messages. */
  isOpen(): boolean
  /** Every lobby is held by somebody who does not answer. */
  unanswered(): void
}

/**
 * The lobbies of a room, as one member sees them: enters all of them again and again, notices when
 * none answers, and then tries to hold one.
 *
 * ```text
 *   enter ──answer──▶ wait ──5 s, or a link ended──▶ enter
 *     └──none in time──▶ claim ──held──▶ enter
 *                          └──ID-TAKEN──▶ ask it once more ──none in time──▶ claim the next
 * ```
 */
export class PeerServerLobbies {
  readonly #runtime: Runtime
  readonly #clients: PeerServerClients
  readonly #room: string
  readonly #self: PeerInfo
  readonly #events: LobbiesEvents
  readonly #ids: readonly string[]
  /** When each lobby last answered. */
  readonly #answered: number[] = Array.from({ length: lobbies }, () => Number.NEGATIVE_INFINITY)
  #held: { index: number; lobby: PeerServerLobby } | undefined
  #timer: Timer | undefined
  #claim: Timer | undefined
  #isInDoubt = false

  constructor(
    runtime: Runtime,
    clients: PeerServerClients,
    room: string,
    self: PeerInfo,
    events: LobbiesEvents,
  ) {
    this.#runtime = runtime
    this.#clients = clients
    this.#room = room
    this.#self = self
    this.#events = events
    this.#ids = this.#answered.map((_, index) => lobbyId(room, index))
  }

  /** The server carries our messages, for the first time or again. */
  opened(): void {
    this.#answered.fill(Number.NEGATIVE_INFINITY)
    this.#enter()
    // The first of a room need not wait for an answer that nobody can give.
    if (this.#held === undefined) this.#hold(0)
  }

  /** A message of `from`: whether that is a lobby, which has now answered. */
  heard(from: string): boolean {
    const index = this.#ids.indexOf(from)
    if (index === -1) return false
    this.#answered[index] = this.#runtime.now()
    return true
  }

  /** Tells every lobby that we go of our own will. */
  leave(): void {
    for (const id of this.#ids) this.#events.send(id, { type: 'signal.leave' })
  }

  /** Enters no more, and gives up what is held, until `opened`. */
  close(): void {
    this.#timer?.cancel()
    this.#claim?.cancel()
    this.#isInDoubt = false
    this.#release()
  }

  /** Somebody may be gone, and may have held a lobby. */
  doubt(): void {
    if (!this.#events.isOpen() || this.#isInDoubt || this.#held !== undefined) return
    this.#isInDoubt = true
    this.#timer?.cancel()
    this.#timer = this.#runtime.timer(this.#runtime.random() * doubtSpread, () =>
      this.#enter(answerWithinInDoubt),
    )
  }

  /** Enters every lobby; then looks who answered. */
  #enter(within = answerWithin): void {
    const entered = this.#runtime.now()
    for (const id of this.#ids) this.#join(id)
    this.#timer = this.#runtime.timer(within, () => {
      this.#isInDoubt = false
      this.#look(entered)
      this.#timer = this.#runtime.timer(enterEvery - within, () => this.#enter())
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
    if (index >= lobbies) {
      // All are held by someone who does not answer; those who are alive meet when one is free again.
      this.#events.unanswered()
      return
    }
    const held = {
      index,
      lobby: new PeerServerLobby(
        this.#runtime,
        this.#clients,
        this.#ids[index] as string,
        this.#room,
        (isHeld, isTaken) => {
          if (isHeld) {
            this.#timer?.cancel()
            this.#isInDoubt = false
            this.#enter()
            return
          }
          if (this.#held === held) this.#held = undefined
          if (isTaken && this.#events.isOpen()) this.#tryNext(index)
        },
      ),
    }
    this.#held = held
  }

  /** The lobby is taken: by one who came first and will answer, or by one who vanished. */
  #tryNext(index: number): void {
    const asked = this.#runtime.now()
    this.#join(this.#ids[index] as string)
    this.#claim?.cancel()
    this.#claim = this.#runtime.timer(answerWithin, () => {
      if (this.#held === undefined && this.#answered.every((at) => at < asked)) this.#hold(index + 1)
    })
  }

  #join(id: string): void {
    const join = { protocol: protocolVersion, room: this.#room, peer: this.#self, token: null }
    this.#events.send(id, { type: 'signal.join', ...join })
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    held?.lobby.close()
  }
}
