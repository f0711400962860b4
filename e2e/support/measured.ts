import type { TestInfo } from '@playwright/test'

/** Puts a figure into the report, and on a line of its own: it is read, and decides nothing. */
export function measured(testInfo: TestInfo, what: string, figure: string): void {
  testInfo.annotations.push({ type: what, description: figure })
  console.log(`  ${what}: ${figure}`)
}

/** The middle of some times and the longest, in milliseconds. */
export function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b)
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]
  return `p50 ${middle} ms, longest ${sorted.at(-1)} ms, of ${sorted.length}`
}

/** A count from the environment, for the long run of a test. */
export function countFrom(variable: string, usual: number): number {
  const given = process.env[variable]
  if (given === undefined) return usual
  const count = Number(given)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new Error(`${variable} must be a positive whole number`)
  return count
}
