import type { Runtime } from '../runtime/index.js'
import { limits, type PeerId } from '../wire/index.js'
import type { Link, LinkEvents } from './link.js'
import type { Signaling } from './signaling.js'

/** How often to look whether the server's socket has drained, in milliseconds: it has no event for it. */
const drainPoll = 5
/** How often it is looked at most: what is in the socket may be others', who fill it again and again. */
const mostPolls = 20

/** A link through the signalling server: as good as the server, which may drop any frame. */
export class RelayLink implements Link {
  readonly kind = 'relay'
  readonly remote: PeerId
  readonly largestFrame = limits.frameBytes
  readonly #runtime: Runtime
  readonly #signaling: Pick<Signaling, 'connected' | 'relay' | 'buffered'>
  readonly #events: LinkEvents
  #isOpen = false
  #isClosed = false
  #isPolling = false

  constructor(
    runtime: Runtime,
    signaling: Pick<Signaling, 'connected' | 'relay' | 'buffered'>,
    remote: PeerId,
    events: LinkEvents,
  ) {
    this.#runtime = runtime
    this.#signaling = signaling
    this.remote = remote
    this.#events = events
    runtime.timer(0, () => this.#open())
  }

  get buffered(): number {
    return this.#signaling.buffered
  }

  send(frame: Uint8Array): void {
    if (this.#isClosed) return
    this.#signaling.relay(this.remote, frame)
  }

  awaitDrain(): void {
    if (!this.#isPolling && this.buffered > 0) this.#poll(mostPolls)
  }

  /** A frame came from the server. */
  receive(frame: Uint8Array): void {
    this.#open()
    if (!this.#isClosed) this.#events.frame(frame)
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#runtime.timer(0, () => this.#events.close(reason))
  }

  #open(): void {
    if (this.#isOpen || this.#isClosed) return
    this.#isOpen = true
    this.#events.open()
  }

  #poll(left: number): void {
    this.#isPolling = true
    this.#runtime.timer(drainPoll, () => {
      this.#isPolling = false
      if (this.#isClosed) return
      if (this.buffered === 0 || left === 1) this.#events.drain()
      else this.#poll(left - 1)
    })
  }
}
