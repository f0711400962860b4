import type { Runtime, Timer } from '../../src/runtime/index.js'
import { closeCodes, type PeerSocket } from './connection.js'
import type { SignalLimits } from './limits.js'
import type { Tally } from './tally.js'
import { TokenBucket } from './token-bucket.js'
import { UnreadBytes } from './unread-bytes.js'

/** How often silence, handshakes and expiries are looked at, in milliseconds: one timer for all sockets. */
const sweepInterval = 1_000

/** Sockets that are put out at once, a millisecond apart: those that came in a crowd are late in a crowd. */
const putOutAtOnce = 8

/** What a door does when a socket's time is up. */
export interface SocketOwner {
  /** The peer was let in. */
  readonly inside: boolean
  /** The handshake took too long. */
  late(): void
  /** Once a second. */
  tick(now: number): void
}

/** A socket with the limits that hold for every door: rates, silence, and how much may wait unread. */
export class GuardedSocket {
  /** Set by {@link Sockets.add}. */
  owner: SocketOwner | undefined
  readonly #socket: PeerSocket
  readonly #all: Sockets
  /** Made at the second frame, as most sockets send one and are idle from then on; let go when it is as it was made. */
  #rates: { readonly frames: TokenBucket; readonly bytes: TokenBucket } | undefined
  #first = true
  /** Whole milliseconds here and below: the engine keeps a fraction outside of its object, for 16 bytes more. */
  readonly #openedAt: number
  #heardAt: number
  #probed = false
  #cut = false

  constructor(socket: PeerSocket, all: Sockets) {
    const now = Math.floor(all.runtime.now())
    this.#socket = socket
    this.#all = all
    this.#openedAt = now
    this.#heardAt = now
  }

  get address(): string {
    return this.#socket.address
  }

  /** Bytes that were sent to the peer and have not left this machine. */
  get unread(): number {
    return this.#cut ? 0 : this.#socket.buffered
  }

  /** Sends a frame, or cuts the peer off that does not read what was sent before. */
  send(frame: Uint8Array): void {
    if (this.#cut) return
    if (this.#socket.buffered + frame.byteLength > this.#all.limits.bufferedBytes) {
      this.#all.tally.slowConsumers++
      this.cutOff('a peer reads too slowly and is cut off')
      return
    }
    this.#socket.send(frame)
    this.#all.unread.sent(this, frame.byteLength)
  }

  /** Closes without a word, and lets go of what was not read. */
  cutOff(why: string): void {
    this.#all.runtime.log('warn', why, { address: this.address, buffered: this.#socket.buffered })
    this.#cut = true
    this.#socket.cut()
  }

  /** A frame of so many bytes came: notes the sign of life, and slows a sender down that is over its rate. */
  took(bytes: number, now: number): void {
    this.heard(now)
    if (this.#first) {
      this.#first = false
      return
    }
    const { framesPerSecond, bytesPerSecond } = this.#all.limits
    this.#rates ??= {
      frames: new TokenBucket(framesPerSecond, 2 * framesPerSecond, now),
      bytes: new TokenBucket(bytesPerSecond, 2 * bytesPerSecond, now),
    }
    const byFrames = this.#rates.frames.take(1, now)
    const byBytes = this.#rates.bytes.take(bytes, now)
    if (byFrames > 0) this.#all.tally.throttledByFrames++
    if (byBytes > 0) this.#all.tally.throttledByBytes++
    const wait = Math.max(byFrames, byBytes)
    if (wait > 0) this.#socket.pause(wait)
  }

  pause(milliseconds: number): void {
    this.#socket.pause(milliseconds)
  }

  heard(now: number): void {
    this.#heardAt = Math.floor(now)
    this.#probed = false
  }

  end(code: number, reason: string): void {
    this.#socket.end(code, reason)
  }

  cut(): void {
    this.#socket.cut()
  }

  /**
   * @param hasSlept - this process was asleep until now, and what came meanwhile is not read yet
   * @returns whether it was put out
   */
  sweep(now: number, hasSlept: boolean): boolean {
    const { owner } = this
    if (owner === undefined) return false
    if (!owner.inside) {
      const isLate = !hasSlept && now - this.#openedAt > this.#all.limits.handshakeMilliseconds
      if (isLate) owner.late()
      return isLate
    }
    if (this.#rates?.frames.isFull(now) && this.#rates.bytes.isFull(now)) this.#rates = undefined
    // A peer that hung up is found by what is written to it, so that others need not wait until all it sent is read.
    if (this.#socket.isBehind) this.#socket.probe()
    const silence = now - this.#heardAt
    const { idleMilliseconds } = this.#all.limits
    // Nobody is cut off who was not asked before, as when this process itself was asleep.
    if (silence > idleMilliseconds / 2 && !this.#probed) {
      this.#probed = true
      this.#socket.probe()
    } else if (silence > idleMilliseconds && !hasSlept) {
      this.#all.tally.idle++
      this.#all.runtime.log('info', 'a peer has fallen silent and is cut off', {
        address: this.address,
        silence,
      })
      this.#socket.cut()
      return true
    }
    owner.tick(now)
    return false
  }
}

/** All sockets of an instance, whatever door they came in by. */
export class Sockets {
  readonly runtime: Runtime
  readonly limits: SignalLimits
  readonly tally: Tally
  /** What all of them have not read. */
  readonly unread: UnreadBytes<GuardedSocket>
  readonly #open = new Set<GuardedSocket>()
  #timer: Timer | undefined
  /** When the next sweep is due. */
  #due = 0

  constructor(runtime: Runtime, limits: SignalLimits, tally: Tally) {
    this.runtime = runtime
    this.limits = limits
    this.tally = tally
    this.unread = new UnreadBytes(limits.bufferedBytesTotal, (reader) => {
      tally.cutForTotal++
      reader.cutOff('all peers together read too slowly, and the slowest is cut off')
    })
  }

  get size(): number {
    return this.#open.size
  }

  /** Puts a new socket under the limits. */
  guard(socket: PeerSocket): GuardedSocket {
    return new GuardedSocket(socket, this)
  }

  /** Watches over a socket from now on, until `remove`. */
  add(guarded: GuardedSocket, owner: SocketOwner): void {
    this.tally.connections++
    guarded.owner = owner
    this.#open.add(guarded)
    if (this.#timer === undefined) this.#sweepLater()
  }

  remove(guarded: GuardedSocket): void {
    this.#open.delete(guarded)
    this.unread.gone(guarded)
    if (this.#open.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Sends `frame` to every peer that is in; used to say that the instance goes. */
  tellAll(frameFor: (owner: SocketOwner) => Uint8Array | undefined): void {
    for (const guarded of [...this.#open]) {
      const { owner } = guarded
      const frame = owner?.inside ? frameFor(owner) : undefined
      if (frame !== undefined) guarded.send(frame)
    }
  }

  /** Closes every socket. */
  endAll(reason: string): void {
    for (const guarded of [...this.#open]) guarded.end(closeCodes.draining, reason)
  }

  /** Closes every socket without a word. */
  cutAll(): void {
    for (const guarded of [...this.#open]) guarded.cut()
  }

  #sweepLater(): void {
    this.#due = this.runtime.now() + sweepInterval
    this.#timer = this.runtime.timer(sweepInterval, () => this.#sweep())
  }

  #sweep(): void {
    const hasSlept = this.runtime.now() > this.#due + sweepInterval
    this.#sweepLater()
    this.unread.look()
    this.#sweepOn([...this.#open].values(), hasSlept)
  }

  #sweepOn(left: IterableIterator<GuardedSocket>, hasSlept: boolean): void {
    const now = this.runtime.now()
    let out = 0
    for (const guarded of left) {
      if (!this.#open.has(guarded) || !guarded.sweep(now, hasSlept) || ++out < putOutAtOnce) continue
      this.runtime.timer(1, () => this.#sweepOn(left, hasSlept))
      return
    }
  }
}
