/** The deterministic simulator: the very code of floors 1 to 4, thousands of times, each from a seed. */

export { type Fault, type FaultKind, faultKinds, formatFault, parseFaults } from './faults.js'
export type { Failure, Phase } from './invariant.js'
export {
  runScenario,
  runSim,
  type SimOptions,
  type SimOutput,
  type SimSummary,
  scenarioOf,
} from './run-sim.js'
export {
  runStoreSim,
  type StoreSimOptions,
  type StoreSimOutput,
  type StoreSimSummary,
} from './run-store-sim.js'
export { checkScenario, type Result, type Scenario, type WorldKind } from './scenario.js'
export { smallestFailing } from './shrink.js'
export { readStoreRun, type StorePlan, type StoreRun, type StoreSum, storePlans } from './store-runs.js'
