/**
 * A rate limit by token bucket (RFC 2697 calls it a committed information rate): `rate` units a
 * second, `burst` at once. It may run into debt, so that whoever has sent already is made to wait
 * instead of losing what it sent.
 */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  #level: number
  #at: number

  /**
   * @param rate - units a second
   * @param burst - units that may be taken at once after a rest
   * @param now - milliseconds on the clock that `take` is given
   */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate
    this.#burst = burst
    this.#level = burst
    this.#at = now
  }

  /** Whether nothing was taken for so long that it is as it was when it was made. */
  isFull(now: number): boolean {
    return this.#levelAt(now) === this.#burst
  }

  /** Takes `units` if they are there; false, and nothing is taken, if they are not. */
  takeIfThere(units: number, now: number): boolean {
    if (this.#levelAt(now) < units) return false
    this.take(units, now)
    return true
  }

  /** Takes `units` and answers how many milliseconds to wait before taking more; 0 when there are some left. */
  take(units: number, now: number): number {
    this.#level = this.#levelAt(now) - units
    this.#at = now
    return this.#level >= 0 ? 0 : Math.ceil((-this.#level / this.#rate) * 1000)
  }

  #levelAt(now: number): number {
    return Math.min(this.#burst, this.#level + ((now - this.#at) / 1000) * this.#rate)
  }
}
