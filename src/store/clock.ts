import { isPlanted, type Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { aheadLimit } from './constants.js'

/**
 * When and by whom a record was written: 12 hexadecimal digits of milliseconds since 1970, 4 of a
 * counter, a dash, the writing peer's id. Text of this shape sorts as the versions do.
 */
export type Version = string

const counterLimit = 0xffff

/** How far below the limit a clock goes on that was set back, in milliseconds: more than a message takes. */
const setBackMargin = 1_000

/** Milliseconds by which a machine's clock may move against its timers before it counts as set, or as having slept. */
export const stepLimit = 1_000

/** The milliseconds since 1970 in a version. */
export function timeOf(version: Version): number {
  return Number.parseInt(version.slice(0, 12), 16)
}

/** The peer that gave a version. */
export function writerOf(version: Version): PeerId {
  return version.slice(17)
}

/** A version as it would have been had the clock that gave it been so many milliseconds later. */
export function shifted(version: Version, milliseconds: number): Version {
  const time = Math.max(0, timeOf(version) + Math.round(milliseconds))
  return `${time.toString(16).padStart(12, '0')}${version.slice(12)}`
}

/**
 * A hybrid logical clock (Kulkarni et al., 2014): as close to the wall clock as it can be, and
 * always later than every version it has given out or seen.
 */
export class HybridClock {
  readonly #runtime: Runtime
  readonly #peer: PeerId
  #time = 0
  #counter = 0
  /** Added to this machine's clock, once the others have shown that it is far off. */
  #offset = 0
  /** This machine's clock less its timers'. */
  #basis: number | undefined

  constructor(runtime: Runtime, peer: PeerId) {
    this.#runtime = runtime
    this.#peer = peer
  }

  /** A version later than every one before. */
  next(): Version {
    const wall = this.#wall()
    if (wall > this.#time) {
      this.#time = wall
      this.#counter = 0
    } else if (this.#counter < counterLimit) {
      this.#counter++
    } else {
      this.#time++
      this.#counter = 0
    }
    const time = this.#time.toString(16).padStart(12, '0')
    return `${time}${this.#counter.toString(16).padStart(4, '0')}-${this.#peer}`
  }

  /** Whether a version is so far ahead that it must not be believed, nor move this clock. */
  isAhead(version: Version): boolean {
    return timeOf(version) > this.#wall() + aheadLimit
  }

  /** Notes a version that was seen, so that the next one is later; not one that is too far ahead. */
  observe(version: Version): void {
    if (this.isAhead(version) && !isPlanted('unbounded-clock')) return
    const time = timeOf(version)
    if (time < this.#time) return
    const counter = Number.parseInt(version.slice(12, 16), 16)
    if (time > this.#time) {
      this.#time = time
      this.#counter = counter
    } else if (counter > this.#counter) this.#counter = counter
  }

  /**
   * Goes by another clock than this machine's from now on.
   *
   * @param offset - milliseconds that are added to this machine's clock
   * @returns milliseconds by which the clock was put forward, negative where it was set back
   */
  correct(offset: number): number {
    this.#wall()
    const change = offset - this.#offset
    this.#offset = offset
    // It goes on just below what others believe, so that what is written next still follows
    // everything that may have been read.
    const most = this.#wall() + aheadLimit - setBackMargin
    if (change < 0 && this.#time > most) {
      this.#time = most
      this.#counter = 0
    }
    return change
  }

  /** Milliseconds that are added to this machine's clock. */
  get offset(): number {
    this.#wall()
    return this.#offset
  }

  #wall(): number {
    const wallClock = this.#runtime.wallClock()
    const basis = wallClock - this.#runtime.now()
    // A correction from before this machine's clock was set, or before it slept, says nothing any more.
    if (this.#basis === undefined || Math.abs(basis - this.#basis) > stepLimit) {
      this.#basis = basis
      this.#offset = 0
    }
    return Math.floor(wallClock + this.#offset)
  }
}
