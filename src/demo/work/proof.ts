/** Rounds of the generator: some milliseconds of work, so that a fault always meets tasks on their way. */
const rounds = 400_000

/**
 * A number that only whoever did the work knows, and that anybody can check by doing it again: the last of many
 * steps of xorshift32 (Marsaglia, 2003).
 */
export function prove(seed: number): number {
  let state = seed | 0 || 1
  for (let round = 0; round < rounds; round++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
  }
  return state >>> 0
}
