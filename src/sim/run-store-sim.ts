import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import type { SimulationResult } from '../store/testing/simulation-options.js'
import { planned } from '../store/testing/simulation-plans.js'
import { StoreSimulation } from '../store/testing/store-simulation.js'
import { breathe } from './breathe.js'
import type { SimOutput } from './run-sim.js'
import {
  reportOf,
  type StorePlan,
  type StoreRun,
  type StoreSum,
  storePlans,
  sumOfRuns,
  whyFailed,
} from './store-runs.js'

/** What `ringmesh sim --world store` takes. */
export interface StoreSimOptions {
  /** The first seed, a whole number. Default: 1. */
  readonly seed?: number | undefined
  /** How many seeds to run of every plan. Default: 1, or as many as `writes` needs. */
  readonly seeds?: number | undefined
  /** Writes that are to be acknowledged under every plan: seeds are run until there are so many. Default: no aim. */
  readonly writes?: number | undefined
  /**
   * Plans with commas between: `graceful`, `crashes`, `disks`, `browsers`, `outages`, `churn`,
   * `tombstones`, `absences`, `reloads`, `hostile`; or `all`. Default: `graceful,crashes,disks`.
   */
  readonly faults?: string | undefined
  /** Runs that were made before: they are not made again, and count. Default: none. */
  readonly earlier?: readonly StoreRun[] | undefined
}

/** Where the report of the simulated state goes. */
export interface StoreSimOutput extends SimOutput {
  /** Gets every run as it ends, to be kept and given as `earlier` another time. */
  ended?(run: StoreRun): void
}

/** What all runs of each plan came to. */
export interface StoreSimSummary {
  readonly sums: readonly StoreSum[]
  /** Plans under which a promise was broken. */
  readonly failed: readonly StorePlan[]
}

const whole = (least: number, message: string) =>
  v.pipe(
    v.number('must be a whole number'),
    v.safeInteger('must be a whole number'),
    v.minValue(least, message),
  )

const optionsSchema = v.strictObject({
  seed: v.optional(whole(0, 'must not be negative'), 1),
  seeds: v.optional(whole(1, 'must be 1 or more')),
  writes: v.optional(whole(1, 'must be 1 or more')),
  faults: v.optional(v.string('must be a list of plans'), 'graceful,crashes,disks'),
  earlier: v.optional(v.array(v.any()), []),
})

/** Mean milliseconds between two writes: four times as many as in the short runs of the tests. */
const writeEvery = 10

/**
 * Simulates the state under faults, seed after seed, until enough writes were acknowledged, and
 * reports what became of them in the terms of Jepsen's set test, with all promises that were
 * broken. Needs nothing of Node: a page can run it too and gets the same figures.
 *
 * @throws {InvalidOption} for an unknown plan, a seed that is no whole number, and the like, before anything runs
 */
export async function runStoreSim(
  options: StoreSimOptions,
  output: StoreSimOutput,
): Promise<StoreSimSummary> {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const { seed: first, seeds, writes, faults } = checkOptions(optionsSchema, given, 'sim')
  const last = first + (seeds ?? (writes === undefined ? 1 : Number.MAX_SAFE_INTEGER - first)) - 1
  const progress = plansOf(faults).map((plan) => new PlanProgress(plan, first, last, writes))
  for (const run of options.earlier ?? []) for (const plan of progress) plan.count(run)

  for (;;) {
    // The one that is furthest behind: a run that is ended early has something of all.
    const [next] = progress.filter((plan) => !plan.isDone).sort((a, b) => a.acknowledged - b.acknowledged)
    if (next === undefined) break
    const seed = next.nextSeed
    const aim = writes === undefined ? '' : ` of ${writes}`
    output.progress?.(`${next.plan}: ${next.acknowledged}${aim} acknowledged, seed ${seed}`)
    await breathe()
    const result = await new StoreSimulation({ ...planned(next.plan, seed), writeEvery }).run()
    const run = storeRun(next.plan, seed, result)
    next.count(run)
    output.ended?.(run)
    for (const { promise, what } of run.violations)
      output.line(`${next.plan}, seed ${seed}: the promise '${promise}' was broken: ${what}`)
    if (run.violations.length > 0)
      output.line(`  replay: ringmesh sim --world store --faults ${next.plan} --seed ${seed}`)
  }

  const sums = progress.map(({ sum }) => sum)
  const failed: StorePlan[] = []
  for (const sum of sums) {
    for (const line of reportOf(sum)) output.line(line)
    const why = whyFailed(sum)
    if (why === undefined) continue
    failed.push(sum.plan)
    output.line(`  FAILED: ${why}`)
  }
  return { sums, failed }
}

/** How far a plan has come: which seeds were run, and what they came to. */
class PlanProgress {
  readonly plan: StorePlan
  readonly #first: number
  readonly #last: number
  readonly #writes: number | undefined
  readonly #runs = new Map<number, StoreRun>()
  acknowledged = 0
  nextSeed: number

  constructor(plan: StorePlan, first: number, last: number, writes: number | undefined) {
    this.plan = plan
    this.#first = first
    this.#last = last
    this.#writes = writes
    this.nextSeed = first
  }

  get isDone(): boolean {
    return this.nextSeed > this.#last || (this.#writes !== undefined && this.acknowledged >= this.#writes)
  }

  get sum(): StoreSum {
    return sumOfRuns(this.plan, [...this.#runs.values()])
  }

  /** Counts a run of this plan, once. */
  count(run: StoreRun): void {
    if (run.plan !== this.plan || run.seed < this.#first || run.seed > this.#last || this.#runs.has(run.seed))
      return
    this.#runs.set(run.seed, run)
    this.acknowledged += run.acknowledged
    while (this.#runs.has(this.nextSeed)) this.nextSeed++
  }
}

function storeRun(plan: StorePlan, seed: number, result: SimulationResult): StoreRun {
  const { outcomes, violations, converged, tidied } = result
  const staleTimes = outcomes.staleTimes.map(Math.round)
  return {
    ...result,
    plan,
    seed,
    violations: [...violations],
    converged: Number.isFinite(converged) ? converged : null,
    tidied: Number.isFinite(tidied) ? tidied : null,
    outcomes: { ...outcomes, staleTimes },
  }
}

function plansOf(list: string): StorePlan[] {
  if (list === 'all') return [...storePlans]
  const names = [...new Set(list.split(','))]
  for (const name of names) {
    if (storePlans.includes(name as StorePlan)) continue
    throw new InvalidOption(
      'sim.faults',
      name,
      `must be plans of the state: ${storePlans.join(', ')}, or all`,
    )
  }
  return names as StorePlan[]
}
