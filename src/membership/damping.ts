import { FLAP_DELAY, FLAP_DELAY_LIMIT, FLAP_MEMORY, FLAPS_FREE } from './constants.js'

/**
 * Damps a peer that comes and goes: its ranges move with every return, so a page that flickers
 * waits longer and longer as `parked`. The peer damps itself, as only what it says of itself keeps
 * all views equal. (After BGP's route flap damping, RFC 2439, without its exponentials.)
 */
export class Damping {
  #returns = 0
  #at = 0

  /** Counts a return at `now`; answers the milliseconds that it has to wait. */
  returned(now: number): number {
    const forgotten = Math.floor((now - this.#at) / FLAP_MEMORY)
    if (forgotten > 0) {
      this.#returns = Math.max(0, this.#returns - forgotten)
      this.#at = now
    }
    this.#returns++
    let delay = this.#returns > FLAPS_FREE ? FLAP_DELAY : 0
    for (let over = FLAPS_FREE + 1; over < this.#returns && delay < FLAP_DELAY_LIMIT; over++) delay *= 2
    return Math.min(delay, FLAP_DELAY_LIMIT)
  }
}
