import * as v from 'valibot'
import { described, sumOf } from '../store/testing/outcomes.js'
import type { Promised } from '../store/testing/simulation-options.js'
import { type PlanName, simulationPlans } from '../store/testing/simulation-plans.js'

/** What the state is simulated under: a plan each. */
export const storePlans = [
  'graceful',
  'crashes',
  'disks',
  'browsers',
  'outages',
  'churn',
  'tombstones',
  'absences',
  'reloads',
  'hostile',
] as const satisfies readonly PlanName[]
/** The name of a plan of faults for the store's simulation. */
export type StorePlan = (typeof storePlans)[number]

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** Milliseconds; null where it never came to that. */
const time = v.nullable(v.pipe(v.number(), v.minValue(0)))

const runSchema = v.object({
  plan: v.picklist(storePlans),
  seed: count,
  acknowledged: count,
  failed: count,
  lost: count,
  explained: count,
  durable: count,
  deleted: count,
  sessionReads: count,
  hostileFrames: v.optional(count, 0),
  refusedFrames: v.optional(count, 0),
  converged: time,
  tidied: time,
  violations: v.array(v.object({ promise: v.string(), what: v.string() })),
  outcomes: v.object({
    acknowledged: count,
    reads: count,
    stable: count,
    lost: count,
    neverRead: count,
    stale: count,
    staleTimes: v.array(v.pipe(v.number(), v.minValue(0))),
  }),
})

/** What one run of the simulated state came to, as JSON has it: figures of many are added up. */
export type StoreRun = v.InferOutput<typeof runSchema>

/** Reads a run that was written down; undefined for what is none. */
export function readStoreRun(line: string): StoreRun | undefined {
  try {
    const read = v.safeParse(runSchema, JSON.parse(line))
    return read.success ? read.output : undefined
  } catch {
    return undefined
  }
}

/** What all runs of a plan came to. */
export interface StoreSum {
  readonly plan: StorePlan
  readonly runs: number
  readonly acknowledged: number
  /** Failed, or ended with an unknown outcome. */
  readonly failed: number
  /** Acknowledged and not there in the end, and how many of them went with the crash of their last holder. */
  readonly lost: number
  readonly explained: number
  /** Keys that were durable, and keys whose last acknowledged write deleted them. */
  readonly durable: number
  readonly deleted: number
  readonly sessionReads: number
  readonly hostileFrames: number
  readonly refusedFrames: number
  /** Promises that were broken, and how often. */
  readonly broken: ReadonlyMap<string, number>
  /** The longest, in milliseconds, from the last fault until all owners agreed, and until nobody else held a copy. */
  readonly converged: number
  readonly tidied: number
  /** What became of the keys that were written once, in the terms of Jepsen's set test. */
  readonly outcomes: Readonly<Omit<StoreRun['outcomes'], 'staleTimes'>> & {
    readonly staleTimes: readonly number[]
  }
}

export function sumOfRuns(plan: StorePlan, runs: readonly StoreRun[]): StoreSum {
  const total = (of: (run: StoreRun) => number) => runs.reduce((sum, run) => sum + of(run), 0)
  const longest = (of: (run: StoreRun) => number | null) =>
    runs.reduce((most, run) => Math.max(most, of(run) ?? Number.POSITIVE_INFINITY), 0)
  const broken = new Map<string, number>()
  for (const { violations } of runs)
    for (const { promise } of violations) broken.set(promise, (broken.get(promise) ?? 0) + 1)
  return {
    plan,
    runs: runs.length,
    acknowledged: total((run) => run.acknowledged),
    failed: total((run) => run.failed),
    lost: total((run) => run.lost),
    explained: total((run) => run.explained),
    durable: total((run) => run.durable),
    deleted: total((run) => run.deleted),
    sessionReads: total((run) => run.sessionReads),
    hostileFrames: total((run) => run.hostileFrames),
    refusedFrames: total((run) => run.refusedFrames),
    broken,
    converged: longest((run) => run.converged),
    tidied: longest((run) => run.tidied),
    outcomes: sumOf(runs.map((run) => run.outcomes)),
  }
}

/** All owners are to agree so many milliseconds after the last fault. */
const longestApart = 30_000

/** Why the sum of a plan is not what was promised; undefined where it is. */
export function whyFailed({ plan, acknowledged, lost, broken, converged }: StoreSum): string | undefined {
  const [first] = broken
  if (first !== undefined) return `the promise '${first[0]}' was broken ${first[1]} times`
  const { lostPerMillion } = simulationPlans[plan]
  // A slice has its share of luck: what counts is the sum.
  const most = Math.ceil((lostPerMillion * acknowledged) / 1e6)
  if (lost > most) return `${lost} of ${acknowledged} writes were lost, ${most} may be`
  if (converged > longestApart) return `the owners agreed after ${inSeconds(converged)} only`
  return undefined
}

/** The sum of a plan, as a person reads it. */
export function reportOf(sum: StoreSum): string[] {
  const { plan, runs, acknowledged, failed, lost, explained, durable, deleted, sessionReads } = sum
  const broken = (promise: Promised) => sum.broken.get(promise) ?? 0
  const others = (['copies', 'kept', 'watched', 'clock', 'agreed'] as const).map(
    (promise) => `${promise} ${broken(promise)}`,
  )
  const { hostileFrames, refusedFrames } = sum
  const frames = `  ${hostileFrames} made-up frames, of them refused as malformed ${refusedFrames}`
  return [
    `${plan} (${simulationPlans[plan].title}): ${acknowledged} acknowledged in ${runs} runs, ${failed} failed or of unknown outcome`,
    `  lost ${lost}, of them ${explained} with the crash of their last holder; ${durable} keys durable, of them lost ${broken('durable')}`,
    `  ${deleted} keys deleted, of them returned ${broken('deleted')}; ${sessionReads} reads in sessions, of them against a guarantee ${broken('session')}`,
    `  other promises broken: ${others.join(', ')}`,
    ...(hostileFrames > 0 ? [frames] : []),
    `  set test: ${described(sum.outcomes)}`,
    `  after the last fault owners agree within ${inSeconds(sum.converged)}, and copies elsewhere are gone within ${inSeconds(sum.tidied)}`,
  ]
}

function inSeconds(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? `${(milliseconds / 1000).toFixed(1)} s` : 'more time than there was'
}
