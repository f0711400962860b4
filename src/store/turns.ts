/** Work on keys, one piece after the other for each key; keys do not wait for each other. */
export class Turns {
  /** The last piece of each key that has work. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** Starts `work` when all that came before it for the key has ended, well or not. */
  take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key)
    const turn = before === undefined ? work() : before.then(work, work)
    this.#last.set(key, turn)
    const over = () => {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
    turn.then(over, over)
    return turn
  }
}
