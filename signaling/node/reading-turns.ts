import type { Runtime, Timer } from '../../src/runtime/index.js'
import { type Tally, TokenBucket } from '../rooms/index.js'

/** How much is done at one go, and in one turn of the event loop. */
interface Measure {
  /** Frames read of one address at one go. */
  readonly frames: number
  /** Milliseconds of a turn in which goes are begun. */
  readonly milliseconds: number
  /** Writes to sockets of one address that are made at once in a turn, each a system call of some 15 µs. */
  readonly writes: number
}

/**
 * While others have something to say: at some 5 µs a frame, they wait 0.1 ms for a go. Fewer frames would not be worth
 * their go, which costs some 20 µs by itself. A question and its answer are two frames, and wait twice.
 */
export const shared: Measure = { frames: 16, milliseconds: 0.1, writes: 8 }

/**
 * While one address alone has anything to say, nobody waits but who is next to come. With the short goes, messages of
 * 16 KiB are carried half as fast.
 */
const alone: Measure = { frames: 128, milliseconds: 1, writes: 64 }

/** Writes at once in a turn to an address that was over its rate: what a flood causes waits for a turn with less in it. */
const greedyWrites = 2

/** Milliseconds for which a second address that said something counts as having more to say. */
const companyKept = 1_000

/** What all sockets of one address may be read. */
export class ReadingShare {
  readonly frames: TokenBucket
  /** Writes that were made in the turn that {@link writesTurn} names. */
  writes = 0
  writesTurn = -1
  /** Frames that may still be read in the turn of the event loop that {@link turn} names. */
  left = 0
  turn = -1
  /** Until when nothing is read or was read, as the address was over its rate. */
  blockedUntil = Number.NEGATIVE_INFINITY

  /** @param rate - frames a second, and at once after a rest */
  constructor(rate: number, now: number) {
    this.frames = new TokenBucket(rate, rate, now)
  }
}

/** A socket that has more to be read. */
export interface Reader {
  /** Lets it read on, now or in the next tick: it asks for its share again. */
  readOn(): void
}

/**
 * Shares the event loop out among addresses. Without it, one read of 64 KiB may hold ten thousand frames, and every
 * other socket of the process would wait until they have all been dealt with.
 *
 * Whoever sends little is read at once. An address that has more than a go's frames in one turn has its sockets
 * stand in a line; the lines have a go each, one after the other, until the turn has lasted long enough and the event
 * loop looks who else has come. It is the scheme of FQ-CoDel (RFC 8290): few are long in line, and the others feel
 * none of it, however many sockets the few have. An address over its rate is not read at all until its debt is paid.
 */
export class ReadingTurns {
  readonly #runtime: Runtime
  readonly #tally: Tally
  /** Lines of addresses in the order in which they have their goes. */
  readonly #lines = new Map<ReadingShare, Set<Reader>>()
  /** Lines of addresses over their rate. */
  readonly #blocked = new Map<ReadingShare, Set<Reader>>()
  readonly #onTurn = (): void => this.#beginTurn()
  readonly #onGone = (): void => this.#endGo()
  #turn = 0
  #turnEnds = 0
  /** The address that was heard last, and when another one had been before it. */
  #last: ReadingShare | undefined
  #sharedAt = Number.NEGATIVE_INFINITY
  #isScheduled = false
  /** Whose go it is. */
  #going: ReadingShare | undefined
  #unblocking: Timer | undefined
  #unblocksAt = Number.POSITIVE_INFINITY

  constructor(runtime: Runtime, tally: Tally) {
    this.#runtime = runtime
    this.#tally = tally
  }

  /** Whether several addresses have something to say, and each is to be brief. */
  get isShared(): boolean {
    return this.#isSharedAt(this.#runtime.now())
  }

  /** An address has something to say. */
  heard(share: ReadingShare, now: number): void {
    if (share === this.#last) return
    if (this.#last !== undefined) this.#sharedAt = now
    this.#last = share
  }

  /** Frames that may be read now; 0 for none. */
  granted(share: ReadingShare): number {
    const now = this.#runtime.now()
    if (share.blockedUntil > now) return 0
    this.heard(share, now)
    if (share.turn !== this.#turn) {
      share.turn = this.#turn
      share.left = this.#standsInLine(share, now) ? 0 : this.#framesFor(share, now)
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

  /** Whether a write to a socket of an address may be made at once; it counts as made. */
  mayWrite(share: ReadingShare): boolean {
    if (share.writesTurn !== this.#turn) {
      share.writesTurn = this.#turn
      share.writes = 0
      this.#schedule()
    }
    const now = this.#runtime.now()
    return share.writes++ < (this.#isGreedy(share, now) ? greedyWrites : this.#measureAt(now).writes)
  }

  /** Puts a reader at the end of its address's line; `readOn` is called when it is its turn. */
  wait(share: ReadingShare, reader: Reader): void {
    const line = this.#lineOf(share)
    if (line === undefined) this.#lines.set(share, new Set([reader]))
    else line.add(reader)
    this.#schedule()
  }

  /** The reader is gone. */
  forget(share: ReadingShare, reader: Reader): void {
    const line = this.#lineOf(share)
    if (!line?.delete(reader) || line.size > 0) return
    this.#lines.delete(share)
    this.#blocked.delete(share)
  }

  close(): void {
    this.#unblocking?.cancel()
    this.#lines.clear()
    this.#blocked.clear()
  }

  #measureAt(now: number): Measure {
    return this.#isSharedAt(now) ? shared : alone
  }

  #isSharedAt(now: number): boolean {
    return now - this.#sharedAt < companyKept
  }

  /** Whether an address was over its rate a moment ago. */
  #isGreedy(share: ReadingShare, now: number): boolean {
    return now - share.blockedUntil < companyKept
  }

  /** Frames of a go. Few of an address at its rate: the debt of many would let its other sockets wait for long. */
  #framesFor(share: ReadingShare, now: number): number {
    return this.#isGreedy(share, now) ? shared.frames : this.#measureAt(now).frames
  }

  /**
   * Whether an address is not read at once: it has sockets in line already, or takes all that it may have and others
   * have something to say. What it sends is read in the goes alone, then, of which there are few in a turn.
   */
  #standsInLine(share: ReadingShare, now: number): boolean {
    if (this.#lineOf(share) !== undefined) return true
    return this.#isGreedy(share, now) && this.#isSharedAt(now)
  }

  #lineOf(share: ReadingShare): Set<Reader> | undefined {
    return this.#lines.get(share) ?? this.#blocked.get(share)
  }

  #schedule(): void {
    if (this.#isScheduled || this.#going !== undefined) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  #beginTurn(): void {
    this.#isScheduled = false
    this.#turn++
    const now = this.#runtime.now()
    this.#turnEnds = now + this.#measureAt(now).milliseconds
    this.#beginGo()
  }

  /** Lets the first reader of the first line read, and puts its line at the end. */
  #beginGo(): void {
    const now = this.#runtime.now()
    for (const [share, line] of this.#lines) {
      this.#lines.delete(share)
      if (share.blockedUntil > now) {
        this.#block(share, line, now)
        continue
      }
      const [reader] = line
      if (reader === undefined) continue
      line.delete(reader)
      if (line.size > 0) this.#lines.set(share, line)
      share.turn = this.#turn
      share.left = this.#framesFor(share, now)
      this.#going = share
      reader.readOn()
      // Behind the tick in which a stream that goes on is read.
      process.nextTick(this.#onGone)
      return
    }
  }

  #endGo(): void {
    const share = this.#going
    this.#going = undefined
    if (share !== undefined && this.#lines.has(share)) share.left = 0
    if (this.#lines.size === 0) {
      // What was granted holds until a next turn begins.
      this.#schedule()
    } else if (this.#runtime.now() < this.#turnEnds) this.#beginGo()
    else this.#schedule()
  }

  /** Sets a line aside until its address has paid its debt. */
  #block(share: ReadingShare, line: Set<Reader>, now: number): void {
    this.#blocked.set(share, line)
    this.#unblockAt(share.blockedUntil, now)
  }

  #unblockAt(time: number, now: number): void {
    if (time >= this.#unblocksAt) return
    this.#unblocking?.cancel()
    this.#unblocksAt = time
    this.#unblocking = this.#runtime.timer(time - now, () => this.#unblock())
  }

  #unblock(): void {
    this.#unblocksAt = Number.POSITIVE_INFINITY
    const now = this.#runtime.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const [share, line] of this.#blocked) {
      if (share.blockedUntil > now) soonest = Math.min(soonest, share.blockedUntil)
      else {
        this.#blocked.delete(share)
        this.#lines.set(share, line)
      }
    }
    if (this.#lines.size > 0) this.#schedule()
    this.#unblockAt(soonest, now)
  }
}
