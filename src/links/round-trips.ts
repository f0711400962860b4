/** Enough for a 98th percentile, few enough to sort on demand. */
const kept = 64

/** The last round trips of a link, in milliseconds. */
export class RoundTrips {
  readonly #samples: number[] = []
  #next = 0

  add(milliseconds: number): void {
    this.#samples[this.#next] = milliseconds
    this.#next = (this.#next + 1) % kept
  }

  /** The value that `fraction` of the samples do not exceed (nearest rank); undefined before the first. */
  percentile(fraction: number): number | undefined {
    if (this.#samples.length === 0) return undefined
    const sorted = [...this.#samples].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1)]
  }
}
