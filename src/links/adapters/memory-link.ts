import type { Runtime, Timer } from '../../runtime/index.js'
import { limits, type PeerId } from '../../wire/index.js'
import type { DialedLink } from '../direct-link.js'
import type { LinkEvents, LinkKind } from '../link.js'
import type { MemoryWays } from './memory-options.js'

/** Where the two ends of a link find each other. */
export interface MemoryDials extends MemoryWays {
  nextDial(): string
  /** Both ends of a dial find each other by its name. */
  meet(name: string, link: MemoryLink): MemoryLink | undefined
  /** The link has ended. */
  gone(link: MemoryLink, dial: string): void
}

/** As measured in Chromium 156: a peer that vanished is `disconnected`, then `failed`. Milliseconds. */
const troubledAfter = 5_900
const failedAfter = 15_900

/** One end of a link that behaves as a data channel does: in order, and when nothing passes, silent, then closed. */
export class MemoryLink implements DialedLink {
  readonly kind: LinkKind
  readonly self: PeerId
  readonly remote: PeerId
  readonly largestFrame = limits.frameBytes
  readonly #network: MemoryDials
  readonly #runtime: Runtime
  readonly #signal: (payload: Uint8Array) => void
  readonly #events: LinkEvents
  readonly #timers = new Set<Timer>()
  #dial: string
  #other: MemoryLink | undefined
  #isOpen = false
  #isClosed = false
  #isCrashed = false
  /** Frames that do not pass wait here, as they wait in SCTP. */
  readonly #waiting: Uint8Array[] = []
  #arrival = 0
  #departure = 0
  #buffered = 0
  #silence: Timer[] = []
  #isMute = false

  constructor(
    network: MemoryDials,
    runtime: Runtime,
    self: PeerId,
    remote: PeerId,
    initiator: boolean,
    signal: (payload: Uint8Array) => void,
    events: LinkEvents,
  ) {
    this.kind = network.options.kind ?? 'memory'
    this.#network = network
    this.#runtime = runtime
    this.self = self
    this.remote = remote
    this.#signal = signal
    this.#events = events
    this.#dial = initiator ? network.nextDial() : ''
    if (initiator) {
      network.meet(this.#dial, this)
      this.#later(0, () => this.#signal(new TextEncoder().encode(this.#dial)))
    }
    this.#later(failedAfter, () => {
      if (!this.#isOpen) this.sever('failed')
    })
  }

  get buffered(): number {
    return this.#buffered
  }

  signal(payload: Uint8Array): void {
    if (this.#isClosed || this.#other !== undefined || this.#dial !== '') return
    this.#dial = new TextDecoder().decode(payload)
    const other = this.#network.meet(this.#dial, this)
    if (other === undefined || other.self !== this.remote) return
    this.#other = other
    other.#other = this
    const trip = this.#network.delay(this.self, this.remote, 'direct')
    this.#later(trip, () => this.#connect())
    other.#later(2 * trip, () => other.#connect())
  }

  send(frame: Uint8Array): void {
    if (!this.#isOpen || this.#isClosed) return
    const now = this.#runtime.now()
    const rate = this.#network.options.bytesPerMillisecond
    this.#departure = Math.max(this.#departure, now) + (rate === undefined ? 0 : frame.length / rate)
    this.#buffered += frame.length
    this.#later(this.#departure - now, () => {
      this.#buffered -= frame.length
      this.#waiting.push(frame)
      this.#flush()
      if (this.#buffered === 0) this.#events.drain()
    })
  }

  close(reason: string): void {
    if (this.#isClosed || this.#isCrashed) return
    const other = this.#other
    const trip = this.#network.delay(this.self, this.remote, 'direct')
    if (other !== undefined && this.#passes) {
      // What was sent before the close is delivered before it, as a channel's orderly shutdown does.
      const arrival = Math.max(this.#arrival, this.#runtime.now() + trip)
      this.#runtime.timer(arrival - this.#runtime.now(), () => other.sever('closed by the other end'))
    } else other?.mute()
    this.#end(reason)
  }

  /** Gone at once, with all that was under way; the other end sees it too unless it cannot. */
  sever(reason: string): void {
    const other = this.#other
    this.#end(reason)
    if (other !== undefined && !other.#isClosed) other.#end(reason)
  }

  /** Nothing more arrives; both ends find out in time. */
  mute(): void {
    this.#isMute = true
    if (this.#other !== undefined) this.#other.#isMute = true
    this.check()
    this.#other?.check()
  }

  crash(): void {
    this.#isCrashed = true
    for (const timer of this.#timers) timer.cancel()
    this.#network.gone(this, this.#dial)
    this.#isClosed = true
    this.#other?.mute()
  }

  check(): void {
    if (this.#isClosed || !this.#isOpen) return
    const other = this.#other
    if (this.#passes && other !== undefined && !other.#isClosed) {
      for (const timer of this.#silence) timer.cancel()
      this.#silence = []
      this.#flush()
    } else if (this.#silence.length === 0) {
      this.#silence = [
        this.#later(troubledAfter, () => this.#events.trouble()),
        this.#later(failedAfter, () => this.sever('failed')),
      ]
    }
  }

  get #passes(): boolean {
    const { self, remote } = this
    return (
      !this.#isMute &&
      this.#network.passes(self, remote, 'direct') &&
      this.#network.passes(remote, self, 'direct')
    )
  }

  #connect(): void {
    if (this.#isClosed || this.#isOpen || !this.#passes) return
    this.#isOpen = true
    this.#events.open()
    this.check()
  }

  #flush(): void {
    const other = this.#other
    if (other === undefined || other.#isClosed || !this.#passes) return
    const now = this.#runtime.now()
    for (const frame of this.#waiting.splice(0)) {
      this.#arrival = Math.max(this.#arrival, now + this.#network.delay(this.self, this.remote, 'direct'))
      const copy = frame.slice()
      // The receiver may open a moment later than its first frame comes; a channel keeps it until then.
      const arrive = (): void => {
        if (other.#isOpen) other.#events.frame(copy)
        else if (!other.#isClosed) other.#later(1, arrive)
      }
      other.#later(this.#arrival - now, arrive)
    }
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#network.gone(this, this.#dial)
    this.#runtime.timer(0, () => this.#events.close(reason))
  }

  /** A timer that dies with the link. */
  #later(delay: number, fire: () => void): Timer {
    const timer = this.#runtime.timer(delay, () => {
      this.#timers.delete(timer)
      if (!this.#isClosed) fire()
    })
    this.#timers.add(timer)
    return timer
  }
}
