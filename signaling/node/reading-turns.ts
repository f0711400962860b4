import type { Runtime, Timer } from '../../src/runtime/index.js'
import { type Tally, TokenBucket } from '../rooms/index.js'

/**
 * Frames read from all sockets of one address in one turn of the event loop: at some 5 µs each, those of another
 * address wait less than 0.7 ms for them. With 32 the sockets of an office that send long frames stood in line for
 * nothing: of 16 KiB frames a quarter less was carried (`bench/signal.ts`).
 */
export const framesPerTurn = 128

/** What all sockets of one address may be read. */
export class ReadingShare {
  readonly frames: TokenBucket
  /** Frames that may still be read in the turn of the event loop that {@link turn} names. */
  left = 0
  turn = -1
  /** Until when nothing is read, as the address is over its rate; 0 while it is not. */
  blockedUntil = 0

  /** @param rate - frames a second, and at once after a rest */
  constructor(rate: number, now: number) {
    this.frames = new TokenBucket(rate, rate, now)
  }
}

/** A socket that has more to be read. */
export interface Reader {
  /** Lets it read on: it asks for its share again. */
  readOn(): void
}

/**
 * Shares the event loop out among addresses. Without it, one read of 64 KiB may hold ten thousand frames, and every
 * other socket of the process would wait until they have all been dealt with.
 *
 * Each address has so many frames a turn, over all of its sockets; those that have more stand in a line of their
 * address's. One over its rate is not read at all until its debt is paid.
 */
export class ReadingTurns {
  readonly #runtime: Runtime
  readonly #tally: Tally
  readonly #lines = new Map<ReadingShare, Set<Reader>>()
  readonly #onTurn = (): void => this.#next()
  #turn = 0
  #isScheduled = false
  #unblocking: Timer | undefined

  constructor(runtime: Runtime, tally: Tally) {
    this.#runtime = runtime
    this.#tally = tally
  }

  /** Frames that may be read now; 0 for none. */
  granted(share: ReadingShare): number {
    if (share.blockedUntil > 0) {
      if (share.blockedUntil > this.#runtime.now()) return 0
      share.blockedUntil = 0
    }
    if (share.turn !== this.#turn) {
      share.turn = this.#turn
      share.left = framesPerTurn
      this.#schedule()
    }
    return share.left
  }

  /** So many were read. */
  took(share: ReadingShare, frames: number): void {
    share.left -= frames
    this.#tally.frames += frames
    const now = this.#runtime.now()
    const wait = share.frames.take(frames, now)
    if (wait === 0) return
    this.#tally.throttledByAddress++
    share.blockedUntil = now + wait
  }

  /** Puts a reader at the end of its address's line; `readOn` is called when it is its turn. */
  wait(share: ReadingShare, reader: Reader): void {
    const line = this.#lines.get(share)
    if (line === undefined) this.#lines.set(share, new Set([reader]))
    else line.add(reader)
    this.#schedule()
  }

  /** The reader is gone. */
  forget(share: ReadingShare, reader: Reader): void {
    const line = this.#lines.get(share)
    if (line?.delete(reader) && line.size === 0) this.#lines.delete(share)
  }

  close(): void {
    this.#unblocking?.cancel()
    this.#lines.clear()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  #next(): void {
    this.#isScheduled = false
    this.#turn++
    if (this.#lines.size === 0) return
    const now = this.#runtime.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const [share, line] of this.#lines) {
      if (share.blockedUntil > now) {
        soonest = Math.min(soonest, share.blockedUntil)
        continue
      }
      // Each reads one frame at least, or comes back to the end of the line.
      let left = framesPerTurn
      for (const reader of line) {
        if (left-- === 0) break
        line.delete(reader)
        reader.readOn()
      }
      if (line.size === 0) this.#lines.delete(share)
      else this.#schedule()
    }
    if (soonest === Number.POSITIVE_INFINITY) return
    this.#unblocking?.cancel()
    this.#unblocking = this.#runtime.timer(soonest - now, this.#onTurn)
  }
}
