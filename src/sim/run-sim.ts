import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import { seededRandom } from '../runtime/index.js'
import { breathe } from './breathe.js'
import { planFaults } from './fault-plan.js'
import { type Fault, type FaultKind, faultKinds, formatFault, parseFaults } from './faults.js'
import { runMeshScenario } from './run-mesh-scenario.js'
import { runMembershipScenario } from './run-scenario.js'
import { checkScenario, type Result, type Scenario, type WorldKind } from './scenario.js'
import { smallestFailing } from './shrink.js'

/** What `ringmesh sim` takes. */
export interface SimOptions {
  /** The first seed, a whole number. Default: 1. */
  readonly seed?: number | undefined
  /** How many seeds to run, from the first on. Default: 1. */
  readonly seeds?: number | undefined
  /** Pages at the start. Default: 10. */
  readonly nodes?: number | undefined
  /** Simulated minutes with faults. Default: 5. */
  readonly minutes?: number | undefined
  /**
   * Words with commas between: names of faults, planned from the seed; faults in full as a failing
   * run prints them; `all`; `none`; or `some`, a few kinds of the seed's choice. Default: `some`.
   */
  readonly faults?: string | undefined
  /** Whether to look for the smallest list of faults that still fails, if a run fails. Default: false. */
  readonly shrink?: boolean | undefined
  /** `membership`: the protocol alone, fast. `mesh`: the whole of floors 1 to 4. Default: `membership`. */
  readonly world?: WorldKind | undefined
}

/** Where the report goes. */
export interface SimOutput {
  /** One line of the report. */
  line(text: string): void
  /** One line that replaces the one before, on a terminal. Left out: quiet. */
  progress?(text: string): void
}

/** What all runs together came to. */
export interface SimSummary {
  readonly results: readonly Result[]
  /** Seeds whose run failed. */
  readonly failed: readonly number[]
}

const whole = (message: string) => v.pipe(v.number(message), v.safeInteger(message))

const optionsSchema = v.strictObject({
  seed: v.optional(v.pipe(whole('must be a whole number'), v.minValue(0, 'must not be negative')), 1),
  seeds: v.optional(v.pipe(whole('must be a whole number'), v.minValue(1, 'must be 1 or more')), 1),
  nodes: v.optional(v.number('must be a whole number'), 10),
  minutes: v.optional(v.number('must be a number'), 5),
  faults: v.optional(v.string('must be a list of faults'), 'some'),
  shrink: v.optional(v.boolean('must be true or false'), false),
  world: v.optional(v.picklist(['membership', 'mesh'], 'must be membership or mesh'), 'membership'),
})

/** Kinds that a run of `some` draws: enough to meet each other, few enough to tell what a failure came from. */
const kindsOfSome = 5

/**
 * Runs the simulator, one seed or many, and reports: a line for each run with its seed, its trace
 * hash and what was checked; on a failure what broke, when, and the command that replays it.
 * Needs nothing of Node: a page can run it too and gets the same hashes.
 *
 * @throws {InvalidOption} for an unknown fault, a seed that is no whole number, and the like, before anything runs
 */
export async function runSim(options: SimOptions, output: SimOutput): Promise<SimSummary> {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const {
    seed: first,
    seeds,
    nodes,
    minutes,
    faults,
    shrink,
    world,
  } = checkOptions(optionsSchema, given, 'sim')
  if (faults !== 'some') parseFaults(faults)
  checkScenario({ world, seed: first, nodes, minutes, faults: [] })

  const results: Result[] = []
  const failed: number[] = []
  for (let seed = first; seed < first + seeds; seed++) {
    const scenario = scenarioOf({ world, seed, nodes, minutes }, faults)
    const count = `${seed - first + 1}/${seeds}`
    const result = await runScenario(scenario, (fraction) =>
      output.progress?.(`run ${count}, seed ${seed}: ${Math.floor(fraction * 100)} %`),
    )
    results.push(result)
    output.line(reported(result))
    if (result.failure !== undefined) {
      failed.push(seed)
      for (const line of explained(result, scenario)) output.line(line)
      if (shrink) await shrunk(scenario, result, output)
    }
    await breathe()
  }
  if (seeds > 1) output.line(`${seeds - failed.length} of ${seeds} runs passed`)
  if (failed.length > 0) output.line(`failed seeds: ${failed.join(', ')}`)
  return { results, failed }
}

/** Runs one scenario in its world. */
export async function runScenario(
  scenario: Scenario,
  progress?: (fraction: number) => void,
): Promise<Result> {
  const options = progress === undefined ? {} : { progress }
  return scenario.world === 'mesh'
    ? runMeshScenario(scenario, options)
    : runMembershipScenario(scenario, options)
}

/**
 * Makes the scenario of a seed: plans when and whom the named faults strike.
 *
 * @param faults - as {@link SimOptions.faults}
 */
export function scenarioOf(of: Omit<Scenario, 'faults'>, faults: string): Scenario {
  const length = of.minutes * 60_000
  if (faults === 'some') return { ...of, faults: planFaults(of.seed, someKinds(of.seed), of.nodes, length) }
  const { kinds, exact } = parseFaults(faults)
  const all = [...planFaults(of.seed, kinds, of.nodes, length), ...exact]
  return { ...of, faults: all.sort((a, b) => a.at - b.at) }
}

/** Kinds of the seed's choice, all equally likely. */
function someKinds(seed: number): FaultKind[] {
  const chance = seededRandom(`${seed}/kinds`)
  const all = Object.keys(faultKinds) as FaultKind[]
  const kinds: FaultKind[] = []
  while (kinds.length < kindsOfSome) kinds.push(...all.splice(Math.floor(chance() * all.length), 1))
  return kinds
}

function reported({ seed, traceHash, events, checked, convergedAfter, failure }: Result): string {
  const asked = Object.values(checked).reduce((sum, count) => sum + count, 0)
  const end =
    failure === undefined
      ? `converged after ${((convergedAfter ?? 0) / 1000).toFixed(1)} s`
      : `FAILED: ${failure.invariant}`
  return `seed ${seed}  trace ${traceHash}  ${events} events  ${Object.keys(checked).length} invariants checked ${asked} times  ${end}`
}

function explained({ failure }: Result, scenario: Scenario): string[] {
  if (failure === undefined) return []
  return [
    `  ${failure.explanation}`,
    `  in the ${failure.phase} phase, after event ${failure.event}, at ${(failure.at / 1000).toFixed(3)} s`,
    `  replay: ${command(scenario, scenario.faults)}`,
  ]
}

function command({ world, seed, nodes, minutes }: Scenario, faults: readonly Fault[]): string {
  const list = faults.length === 0 ? 'none' : faults.map(formatFault).join(',')
  const of = world === 'membership' ? '' : ` --world ${world}`
  return `ringmesh sim --seed ${seed} --nodes ${nodes} --minutes ${minutes} --faults ${list}${of}`
}

async function shrunk(scenario: Scenario, { failure }: Result, output: SimOutput): Promise<void> {
  let tries = 0
  const smallest = await smallestFailing(scenario.faults, async (faults) => {
    tries++
    output.progress?.(`shrinking: try ${tries} with ${faults.length} faults`)
    await breathe()
    const result = await runScenario({ ...scenario, faults })
    return result.failure?.invariant === failure?.invariant
  })
  output.line(
    `  smallest list of faults that still fails (${smallest.length} of ${scenario.faults.length}, ${tries} tries):`,
  )
  output.line(`  ${command(scenario, smallest)}`)
}
