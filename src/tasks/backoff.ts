import type { Runtime } from '../runtime/index.js'

/**
 * Full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): a uniform
 * draw from zero to min(longest, first · 2^failures).
 *
 * @param failures - how many attempts failed so far, from 1
 * @returns milliseconds
 */
export function fullJitter(
  runtime: Pick<Runtime, 'random'>,
  failures: number,
  { first, longest }: { first: number; longest: number },
): number {
  let ceiling = first
  for (let doubling = 1; doubling < failures && ceiling < longest; doubling++) ceiling *= 2
  return Math.floor(runtime.random() * Math.min(longest, ceiling))
}
