import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import type { Fault } from './faults.js'
import type { Failure } from './invariant.js'

/** What runs in the simulated pages. */
export type WorldKind = 'membership' | 'mesh'

/** One run, wholly: the same scenario takes the same steps on every engine. */
export interface Scenario {
  readonly world: WorldKind
  readonly seed: number
  /** Pages that join at the start. */
  readonly nodes: number
  /** Simulated minutes of the safety phase; a liveness phase follows. */
  readonly minutes: number
  readonly faults: readonly Fault[]
}

/** How a run went. */
export interface Result {
  readonly seed: number
  /** 64 bits over every step, as 16 hexadecimal digits: equal for equal runs. */
  readonly traceHash: string
  /** Events that ran: frames that arrived, timers that fired, faults that struck. */
  readonly events: number
  /** How often each invariant was asked. */
  readonly checked: Readonly<Record<string, number>>
  /** Simulated milliseconds from the last fault until all was right again. */
  readonly convergedAfter: number | undefined
  readonly failure: Failure | undefined
}

const scenarioSchema = v.strictObject({
  world: v.picklist(['membership', 'mesh'], "must be 'membership' or 'mesh'"),
  faults: v.array(v.any(), 'must be an array of faults'),
  seed: v.pipe(
    v.number('must be a whole number'),
    v.safeInteger('must be a whole number'),
    v.minValue(0, 'must not be negative'),
  ),
  nodes: v.pipe(
    v.number('must be a whole number'),
    v.integer('must be a whole number'),
    v.minValue(1, 'must be 1 or more'),
    v.maxValue(1_000, 'must be 1000 or less'),
  ),
  minutes: v.pipe(
    v.number('must be a number'),
    v.finite('must be finite'),
    v.gtValue(0, 'must be more than 0'),
    v.maxValue(100_000, 'must be 100000 or less'),
  ),
})

/**
 * Checks the numbers of a scenario.
 *
 * @throws {InvalidOption} naming the one that is wrong
 */
export function checkScenario(scenario: Scenario): Scenario {
  checkOptions(scenarioSchema, scenario, 'sim')
  return scenario
}
