/**
 * Milliseconds in which the copies of what a lost page held have been made again for certain: its
 * death is known within 22 s, and repair follows at once.
 */
const repairTime = 60_000

/** How the pages of a world went, and whether the last copies of something may have gone with them. */
export class Departures {
  readonly #losses: number[] = []
  #hasTakenAll = false

  /**
   * A page went without handing over what it held.
   * @param others - when each of those that stay was opened
   */
  lost(now: number, others: readonly number[]): void {
    this.#losses.push(now)
    // Who has just come may hold nothing yet.
    if (others.every((openedAt) => now - openedAt < repairTime)) this.#hasTakenAll = true
  }

  /** A page handed over what it held to `others`, as many as stayed, and went. */
  handedOver(others: number): void {
    if (others === 0) this.#hasTakenAll = true
  }

  /** With two copies at least of everything, only losses that follow each other closely may take the last one, and the last page. */
  get mayHaveTakenLastCopies(): boolean {
    return (
      this.#hasTakenAll ||
      this.#losses.some((at, index) => index > 0 && at - (this.#losses[index - 1] as number) < repairTime)
    )
  }
}
