import { collectGarbage } from '../src/runtime/testing/collect-garbage.js'

const callsInARow = 3

/**
 * Seconds that one run of each work takes: the shortest of many short turns, taken one after the other, so that all
 * of them meet the same machine. What else runs there only ever adds. A turn is a few calls in a row, as the first one
 * after another's work finds the processor's caches full of that work.
 *
 * @param works - by name; each call says how many runs that was
 * @param seconds - for all of them together
 */
export function shortestTimes<Name extends string>(
  works: Readonly<Record<Name, () => number>>,
  seconds: number,
): Record<Name, number> {
  const names = Object.keys(works) as Name[]
  const shortest = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<
    Name,
    number
  >
  const until = performance.now() + seconds * 1000
  // A few turns at least, or a work that takes long would be measured cold.
  for (let turn = 0; turn < 5 || performance.now() < until; turn++) {
    for (const name of names) {
      for (let call = 0; call < callsInARow; call++) {
        const start = performance.now()
        const runs = works[name]()
        shortest[name] = Math.min(shortest[name], (performance.now() - start) / 1000 / runs)
      }
    }
  }
  return shortest
}

/** Bytes that what `make` returns keeps alive, buffers included. */
export function bytesKept(make: () => unknown): number {
  const used = (): number => {
    collectGarbage()
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  const kept = [make()]
  const after = used()
  // Still referred to here, so that it was alive when counted.
  return kept.length === 0 ? 0 : after - before
}
