import { VirtualTime } from '../runtime/index.js'
import { breathe } from './breathe.js'
import { nearDelay } from './delays.js'
import { formatFault } from './faults.js'
import { Judge } from './invariant.js'
import { meshInvariants, whyApart } from './mesh-invariants.js'
import { MeshWorld, type MeshWorldOptions } from './mesh-world.js'
import type { NetworkOptions } from './network.js'
import { processInvariants } from './process-invariants.js'
import { ordinaryNetwork, type RunOptions, scheduleFaults } from './run-scenario.js'
import { checkScenario, type Result, type Scenario } from './scenario.js'
import { TraceHash } from './trace-hash.js'

/** Milliseconds between two pages that join at the start. */
const joiningPeriod = 300

/** Milliseconds from the first page's coming for which the cluster is left alone: the greeting takes 5 s at most, the joining 30 s. */
const settlingTime = 40_000

/** Milliseconds in which all must come right once the faults are over: dials back off to a minute. */
const livenessLimit = 240_000

/** Milliseconds that a converged cluster is watched for staying so, and for its calls to come back. */
const watchedFor = 30_000

const samplePeriod = 1_000

/** Samples between two pauses: some thirty a run, of a millisecond each. */
const samplesPerBreath = 10

/** Turns of the microtask queue after each event: enough for the longest chain of awaits in the rooms. */
const turnsOfPromises = 16

const kindNetwork: NetworkOptions = { loss: 0, delay: nearDelay }

export interface MeshRunOptions extends Pick<RunOptions, 'progress'> {
  readonly onTrace?: MeshWorldOptions['onTrace']
  /** Gets the world before anybody joins. */
  readonly begun?: (world: MeshWorld) => void
  /** Whether all that was begun in the safety phase has ended; the liveness phase waits for it. Default: nothing is awaited. */
  readonly isDone?: () => boolean
}

/**
 * Runs the whole of floors 1 to 4 in simulated pages that put keys, run tasks, send messages,
 * and place, name and supervise processes.
 * As with membership alone: a safety phase with faults, then a liveness phase without.
 */
export async function runMeshScenario(scenario: Scenario, options: MeshRunOptions = {}): Promise<Result> {
  checkScenario(scenario)
  const { seed, nodes, minutes, faults } = scenario
  const time = new VirtualTime(seed)
  const hash = new TraceHash()
  const { onTrace } = options
  const world = new MeshWorld({
    time,
    hash,
    seed,
    network: ordinaryNetwork,
    ...(onTrace === undefined ? {} : { onTrace }),
  })
  let events = 0
  const invariants = [...meshInvariants(), ...processInvariants()]
  const judge = new Judge<MeshWorld, never>(world, invariants, () => ({ at: time.now, event: events }))
  world.judgeBy(judge)
  options.begun?.(world)

  for (let index = 0; index < nodes; index++) {
    time.timer(index * joiningPeriod, () => world.join(`n${index}`))
  }
  const length = minutes * 60_000
  const heals = scheduleFaults(world, scenario, settlingTime, length)

  let nextSample = samplePeriod
  let samples = 0
  let isTogether = false
  /** Runs until `end`, or until a sample finds all views equal when `untilTogether`. */
  const run = async (end: number, untilTogether = false): Promise<boolean> => {
    try {
      while (time.step(end)) {
        events++
        for (let turn = 0; turn < turnsOfPromises; turn++) await undefined
        if (time.now >= nextSample) {
          nextSample = time.now + samplePeriod
          judge.sampled()
          if (++samples % samplesPerBreath === 0) await breathe()
          options.progress?.(Math.min(1, time.now / (settlingTime + length)))
          if (untilTogether) isTogether = whyApart(world) === undefined && options.isDone?.() !== false
        }
        if (judge.failure !== undefined || (untilTogether && isTogether)) break
      }
    } catch (error) {
      judge.fail('no-throw', error instanceof Error ? `${error.message}\n${error.stack}` : String(error))
    }
    return judge.failure === undefined
  }

  let convergedAfter: number | undefined
  const healed = settlingTime + length
  if (await run(healed)) {
    judge.ended()
    judge.phase = 'liveness'
    for (const heal of heals) heal()
    world.setNetwork(kindNetwork)
    if ((await run(healed + livenessLimit, true)) && isTogether) {
      convergedAfter = time.now - healed
      await run(time.now + watchedFor)
    }
    judge.ended()
  }
  for (const fault of faults) hash.string(formatFault(fault))
  // The sockets, stores and tasks of the pages must not outlive the run.
  for (const node of world.living()) node.stop()
  return {
    seed,
    traceHash: hash.digest(),
    events,
    checked: judge.checked,
    convergedAfter,
    failure: judge.failure,
  }
}
