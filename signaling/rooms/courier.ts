import { encodeMessage, type Message } from '../../src/wire/index.js'
import { carriedFrame, packedId, readCarried } from './carry.js'
import type { RoomsState } from './rooms-state.js'
import type { GuardedSocket } from './sockets.js'

type Offer = Extract<Message, { type: 'signal.offer' }>
type Relay = Extract<Message, { type: 'signal.relay' }>

/** Carries what one peer has for others of its room. Made when the first such frame comes, as from an idle peer none does. */
export class Courier {
  readonly #rooms: RoomsState
  readonly #socket: GuardedSocket
  readonly #room: string
  readonly #from: string
  readonly #packedFrom: Uint8Array

  constructor(rooms: RoomsState, socket: GuardedSocket, room: string, from: string) {
    this.#rooms = rooms
    this.#socket = socket
    this.#room = room
    this.#from = from
    this.#packedFrom = packedId(from)
  }

  /** Carries an offer or relay frame on whose receiver is there; false leaves the frame to the codec. */
  carriedOn(frame: Uint8Array, now: number): boolean {
    const carried = readCarried(frame)
    if (carried === undefined) return false
    const { directory, tally } = this.#rooms.options
    if (!directory.has(this.#room, carried.to)) return false
    if (!directory.deliver(this.#room, carried.to, carriedFrame(frame, carried, this.#packedFrom)))
      return false
    if (carried.code === 113) tally.offers++
    else this.#relayed(carried.size)
    this.#slowDown(carried.size, now)
    return true
  }

  offer({ to, payload }: Offer, now: number): void {
    this.#rooms.options.tally.offers++
    this.#carry(to, encodeMessage({ type: 'signal.offered', from: this.#from, payload }))
    this.#slowDown(payload.byteLength, now)
  }

  relay({ to, frame }: Relay, now: number): void {
    this.#relayed(frame.byteLength)
    this.#carry(to, encodeMessage({ type: 'signal.relayed', from: this.#from, frame }))
    this.#slowDown(frame.byteLength, now)
  }

  #relayed(bytes: number): void {
    const { tally } = this.#rooms.options
    tally.relayFrames++
    tally.relayBytes += bytes
  }

  /** What is carried as an offer loads the room as much as what is relayed, and could be anything. */
  #slowDown(bytes: number, now: number): void {
    const wait = this.#rooms.relayRates.took(this.#room, bytes, now)
    if (wait === 0) return
    this.#rooms.options.tally.throttledByRoom++
    this.#socket.pause(wait)
  }

  #carry(to: string, frame: Uint8Array): void {
    const { directory, tally } = this.#rooms.options
    if (directory.deliver(this.#room, to, frame)) return
    tally.unreachable++
    this.#socket.send(encodeMessage({ type: 'signal.unreachable', peer: to }))
  }
}
