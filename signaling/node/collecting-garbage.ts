import { setFlagsFromString } from 'node:v8'

/**
 * What V8 takes over while it runs. All memory is collected when it has grown to five times what is kept, rather than to
 * twice. Its young part grows no more, so that it is collected often and for half a millisecond rather than now and then
 * for three; and by the thread of the server alone, as with helpers it waits for a core that others have.
 * `bench/signal-attack.ts` says what peers in other rooms feel of it: without these the slowest of a hundred round trips
 * took 8.4 ms under attack, with the first 5.2, with all 3.6.
 */
const flags = ['--heap-growing-percent=400', '--semi-space-growth-factor=1', '--no-parallel-scavenge']

/**
 * Lets garbage be collected as is best for a process that is a signalling server and nothing else: such flags hold
 * for all of it, so that a library leaves them alone.
 */
export function collectGarbageForLatency(): void {
  for (const flag of flags) setFlagsFromString(flag)
}
