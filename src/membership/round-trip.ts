import { OUTLIER_DECAY, OUTLIER_FACTOR, PERCENTILE_STEP, ROUND_TRIP_GAIN } from './constants.js'

/** Round-trip times of one peer, or of all: smoothed as in RFC 6298, and the value that one in a hundred exceeds. */
export class RoundTrip {
  #smoothed = -1
  #peak = 0
  #samples = 0

  /** Milliseconds; undefined before the first sample. */
  get smoothed(): number | undefined {
    return this.#smoothed < 0 ? undefined : this.#smoothed
  }

  /** About the 99th percentile, in milliseconds; undefined before the first sample. */
  get percentile99(): number | undefined {
    return this.#smoothed < 0 ? undefined : this.#peak
  }

  /** How many samples there were. */
  get samples(): number {
    return this.#samples
  }

  /** @param milliseconds - between a ping and its own answer, never that of a repeated one (Karn's rule) */
  add(milliseconds: number): void {
    this.#samples++
    if (this.#smoothed < 0) {
      this.#smoothed = milliseconds
      // RFC 6298: with one sample the deviation is taken as half of it.
      this.#peak = milliseconds * 1.5
      return
    }
    this.#smoothed += (milliseconds - this.#smoothed) * ROUND_TRIP_GAIN
    // Robbins and Monro: up by 99 steps for a sample above, down by one for a sample below, so that
    // it rests where one in a hundred is above.
    const step = this.#smoothed * PERCENTILE_STEP
    const above = milliseconds - this.#peak
    if (above > 0) this.#peak += Math.max(99 * step, above / 2)
    else this.#peak -= step
    const over = this.#peak - this.#smoothed * OUTLIER_FACTOR
    if (over > 0) this.#peak -= over * OUTLIER_DECAY
  }
}
