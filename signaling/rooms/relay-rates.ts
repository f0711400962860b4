import { TokenBucket } from './token-bucket.js'

/** How much is carried within each room: one rate for all its senders at this instance. */
export class RelayRates {
  readonly #bytesPerSecond: number
  readonly #rooms = new Map<string, TokenBucket>()

  /** @param bytesPerSecond - in one room for long; twice as many in one burst */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** How many rooms something is remembered of. */
  get size(): number {
    return this.#rooms.size
  }

  /** Notes bytes carried in a room and answers how long their sender has to wait, in milliseconds. */
  took(room: string, bytes: number, now: number): number {
    let bucket = this.#rooms.get(room)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#bytesPerSecond, 2 * this.#bytesPerSecond, now)
      this.#rooms.set(room, bucket)
    }
    return bucket.take(bytes, now)
  }

  forget(room: string): void {
    this.#rooms.delete(room)
  }
}
