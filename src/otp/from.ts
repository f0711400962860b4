/**
 * Who waits for the answer to a call. Answer by what `handleCall` returns, or keep this and answer
 * later, from anywhere: `from.reply(value)`, or `reply(from, value)` where only a copy of it
 * arrived, as on another peer.
 */
export class From {
  /** The peer that the caller is on; empty while its page is in no mesh. */
  readonly peer: string
  /** The number of the call on that peer. */
  readonly call: number
  readonly #answer: (from: From, value: unknown) => void

  constructor(peer: string, call: number, answer: (from: From, value: unknown) => void) {
    this.peer = peer
    this.call = call
    this.#answer = answer
  }

  /** Answers. Only the first answer counts, and none after the caller's time-out. */
  reply(value: unknown): void {
    this.#answer(this, value)
  }
}
