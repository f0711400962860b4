import type { Runtime, Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { announcedAtOnce, announcedPatience, announcedWaiting, latestTimer } from './constants.js'

export interface IntroductionsOptions {
  readonly runtime: Runtime
  /** The peer has a place: a link to it is wanted, and first words. Called again when it is announced again. */
  readonly open: (peer: PeerId) => void
  /** It has said nothing, and others wait for its place. */
  readonly close: (peer: PeerId) => void
}

/** How many the server has announced that have not answered. */
export interface IntroductionsStats {
  /** Those to whom a link is kept. */
  readonly open: number
  /** Those who wait for a place. */
  readonly waiting: number
  /** Those who were forgotten, as too many waited. Counted since the start. */
  readonly dropped: number
}

/**
 * Peers that the server announces, until they answer: so many at once, and the others in their turn. A place is kept for
 * as long as the server stands by its word, or passes on after `announcedPatience` in silence where another waits.
 *
 * A server may announce peers that are not there without end. Real ones come through all the same: it has announced this
 * page to them as well, and whoever speaks needs no place here (`ProvisionalLinks`); one member tells of the others; and
 * whose turn is next is left to chance, as two that stand at the end of each other's line would wait for each other.
 */
export class Introductions {
  readonly #options: IntroductionsOptions
  /** Since when each has been silent, those who are longest first; and whether the server still says that it is here. */
  readonly #open = new Map<PeerId, { since: number; isHere: boolean }>()
  /** In an order of chance; the last is next. */
  readonly #waiting: PeerId[] = []
  #dropped = 0
  #timer: Timer | undefined

  constructor(options: IntroductionsOptions) {
    this.#options = options
  }

  /** The server says that the peer, which is no member, is here. */
  announce(id: PeerId): void {
    const known = this.#open.get(id)
    if (known !== undefined) {
      known.isHere = true
      this.#options.open(id)
      return
    }
    if (this.#waiting.includes(id)) return
    this.#wait(id)
    this.#next()
  }

  /** The peer said something. */
  heard(id: PeerId): void {
    const known = this.#open.get(id)
    if (known === undefined) return
    known.since = this.#options.runtime.now()
    // To the end of the line.
    this.#open.delete(id)
    this.#open.set(id, known)
  }

  /**
   * The server says that the peer is gone. Its link is another matter: whoever closes that calls {@link settled}.
   * @returns whether it has a place
   */
  withdrawn(id: PeerId): boolean {
    this.#forget(id)
    const known = this.#open.get(id)
    if (known !== undefined) known.isHere = false
    return known !== undefined
  }

  /** The peer has become a member, or there is a link to it for another reason, or none any more. */
  settled(id: PeerId): void {
    this.#forget(id)
    if (this.#open.delete(id)) this.#next()
  }

  stats(): IntroductionsStats {
    return { open: this.#open.size, waiting: this.#waiting.length, dropped: this.#dropped }
  }

  /** Nobody is approached or given up any more. */
  close(): void {
    this.#waiting.length = 0
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Gives what places there are to those who wait. */
  #next(): void {
    const { runtime, open } = this.#options
    const silent: PeerId[] = []
    while (this.#waiting.length > 0 && (this.#open.size < announcedAtOnce || this.#passOn(silent))) {
      const id = this.#waiting.pop() as PeerId
      this.#open.set(id, { since: runtime.now(), isHere: true })
      open(id)
    }
    // Their turn comes again for as long as the server says that they are here.
    for (const id of silent) this.#wait(id)
  }

  /** Takes the place of the one that has been silent for longest; where that is not long enough, looks again in time. */
  #passOn(silent: PeerId[]): boolean {
    const { runtime, close } = this.#options
    for (const [id, { since, isHere }] of this.#open) {
      const left = since + announcedPatience - runtime.now()
      if (left > 0) {
        this.#check(left)
        return false
      }
      this.#open.delete(id)
      if (isHere) silent.push(id)
      close(id)
      return true
    }
    return false
  }

  /** Puts the peer anywhere in the line; where that is full, in the place of another. */
  #wait(id: PeerId): void {
    const count = Math.min(this.#waiting.length + 1, announcedWaiting)
    if (this.#waiting.length === count) this.#dropped++
    const place = Math.floor(this.#options.runtime.random() * count)
    if (this.#waiting.length < count) this.#waiting.push(this.#waiting[place] ?? id)
    this.#waiting[place] = id
  }

  #forget(id: PeerId): void {
    const place = this.#waiting.indexOf(id)
    if (place !== -1) this.#waiting.splice(place, 1)
  }

  #check(wait: number): void {
    if (this.#timer !== undefined) return
    const { runtime } = this.#options
    const due = runtime.now() + wait
    this.#timer = runtime.timer(wait, () => {
      this.#timer = undefined
      const now = runtime.now()
      // A page that slept has not read yet what came meanwhile.
      if (now - due > latestTimer) for (const known of this.#open.values()) known.since = now
      this.#next()
    })
  }
}
