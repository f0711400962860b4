import { RingmeshError } from '../errors/index.js'
import { transferred } from './transfer.js'

type Post = (message: unknown, transfer: readonly Transferable[]) => void

/** More than a thread can answer within any time-out; past it the sender is told instead of the memory filled. */
const longestQueue = 1_000_000

/**
 * Gathers what is sent in one turn of the event loop and posts it as one message.
 *
 * A value is cloned when the turn ends, not when it is sent: do not change what you have sent.
 */
export class Outbox {
  readonly #post: Post
  readonly #unclonable: (kind: number, id: number, error: unknown) => void
  #queue: unknown[] = []
  #transfers: Transferable[] = []
  #scheduled = false
  #held: boolean

  /**
   * @param held - keep everything until {@link release}
   * @param unclonable - called for each triple that could not be cloned; the others are posted
   */
  constructor(post: Post, held: boolean, unclonable: (kind: number, id: number, error: unknown) => void) {
    this.#post = post
    this.#held = held
    this.#unclonable = unclonable
  }

  /** @throws {RingmeshError} `QueueFull` */
  push(kind: number, id: number, value: unknown): void {
    if (this.#queue.length >= longestQueue * 3) {
      throw new RingmeshError('QueueFull', `more than ${longestQueue} messages wait for a thread`)
    }
    this.#queue.push(kind, id, value)
    const list = transferred(value)
    if (list !== undefined) this.#transfers.push(...list)
    if (!this.#scheduled && !this.#held) {
      this.#scheduled = true
      void Promise.resolve().then(() => this.flush())
    }
  }

  /** Lets go what was held; `first` goes before all of it. */
  release(first: readonly [kind: number, id: number, value: unknown]): void {
    this.#held = false
    const list = transferred(first[2])
    if (list !== undefined) this.#transfers.push(...list)
    this.#queue = [...first, ...this.#queue]
    this.flush()
  }

  /** Posts what waits, now. */
  flush(): void {
    this.#scheduled = false
    if (this.#queue.length === 0) return
    const batch = this.#queue
    const transfers = this.#transfers
    this.#queue = []
    if (transfers.length > 0) this.#transfers = []
    try {
      this.#post(batch, transfers)
    } catch (error) {
      if (batch.length === 3) this.#unclonable(batch[0] as number, batch[1] as number, error)
      else this.#postSingly(batch)
    }
  }

  #postSingly(batch: readonly unknown[]): void {
    for (let index = 0; index < batch.length; index += 3) {
      const value = batch[index + 2]
      try {
        this.#post([batch[index], batch[index + 1], value], transferred(value) ?? [])
      } catch (error) {
        this.#unclonable(batch[index] as number, batch[index + 1] as number, error)
      }
    }
  }
}
