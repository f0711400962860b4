import { VirtualTime } from '../runtime/index.js'
import { tailDelay } from './delays.js'
import { formatFault } from './faults.js'
import { Judge } from './invariant.js'
import { membershipInvariants } from './membership-invariants.js'
import { MembershipWorld, type MembershipWorldOptions } from './membership-world.js'
import type { NetworkOptions } from './network.js'
import { checkScenario, type Result, type Scenario } from './scenario.js'
import { type Heal, strike } from './strike.js'
import { TraceHash } from './trace-hash.js'

/** The network of the safety phase when no fault is upon it: a bad mobile connection. */
export const ordinaryNetwork: NetworkOptions = { loss: 0.02, delay: tailDelay }

/** The network of the liveness phase: nothing is lost any more, so whoever errs now errs by itself. */
const kindNetwork: NetworkOptions = { loss: 0, delay: tailDelay }

/** Milliseconds within which the first pages join. */
const joiningTime = 1_000

/** Milliseconds from the first page's coming for which the cluster is left alone. */
export const settlingTime = 20_000

/**
 * Milliseconds in which all must come right once the faults are over: two of the rounds of
 * anti-entropy (30 s), of which one may go to a peer that knows nothing, and the longest suspicion.
 */
const livenessLimit = 120_000

/** Milliseconds that a converged cluster is watched for staying so. */
const watchedFor = 10_000

/**
 * Milliseconds that what is wrong at the end of that may last. Even on a kind network some answer is
 * once too late, which makes a suspicion; its refutation reaches twenty peers in four rounds of gossip
 * of half a second, and is asked to be everywhere in twice that.
 */
const refutedAfter = 4_000

/** Milliseconds between two looks at what is too dear to look at after every event. */
const samplePeriod = 1_000

export interface RunOptions {
  /** Sees each traced step: the transcript of a replay. */
  readonly onTrace?: MembershipWorldOptions['onTrace']
  /** Told the simulated fraction of the run that is done, about once a simulated minute. */
  readonly progress?: (fraction: number) => void
}

/**
 * Runs membership over the simulated network. A safety phase with the faults of the list, in which
 * the invariants must hold after every event; then all faults heal, those that are left are the
 * healthy core, and they must agree on who is there within two minutes, and stay agreed.
 */
export function runMembershipScenario(scenario: Scenario, options: RunOptions = {}): Result {
  checkScenario(scenario)
  const { seed, nodes, minutes, faults } = scenario
  const time = new VirtualTime(seed)
  const hash = new TraceHash()
  const world = new MembershipWorld({
    time,
    hash,
    seed,
    network: ordinaryNetwork,
    ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }),
  })
  let events = 0
  const judge = new Judge(world, membershipInvariants(), () => ({ at: time.now, event: events }))

  for (let index = 0; index < nodes; index++) {
    const name = `n${index}`
    time.timer((index * joiningTime) / nodes, () => world.join(name))
  }
  const length = minutes * 60_000
  const heals = scheduleFaults(world, scenario, settlingTime, length)

  let nextSample = samplePeriod
  /** Runs until `end`, or until `isDone`, judging after every event; false when an invariant was broken. */
  const run = (end: number, isDone: () => boolean = () => false): boolean => {
    try {
      while (time.step(end)) {
        events++
        if (world.changes.length !== 0) world.judge(judge)
        if (time.now >= nextSample) {
          nextSample = time.now + samplePeriod
          judge.sampled()
          options.progress?.(Math.min(1, time.now / (settlingTime + length)))
        }
        if (judge.failure !== undefined || isDone()) break
      }
    } catch (error) {
      judge.fail('no-throw', error instanceof Error ? `${error.message}\n${error.stack}` : String(error))
    }
    return judge.failure === undefined
  }

  let convergedAfter: number | undefined
  const safetyEnd = settlingTime + length
  if (run(safetyEnd)) {
    judge.ended()
    judge.phase = 'liveness'
    for (const heal of heals) heal()
    world.network.set(kindNetwork)
    const healed = safetyEnd
    if (run(healed + livenessLimit, () => world.mistakes === 0) && world.mistakes === 0) {
      convergedAfter = Math.max(0, time.now - healed)
      run(time.now + watchedFor)
      if (world.mistakes !== 0) run(time.now + refutedAfter, () => world.mistakes === 0)
    }
    judge.ended()
  }
  for (const fault of faults) hash.string(formatFault(fault))
  return {
    seed,
    traceHash: hash.digest(),
    events,
    checked: judge.checked,
    convergedAfter,
    failure: judge.failure,
  }
}

/**
 * Sets the faults on their times.
 *
 * @returns what ends each of those that have struck by then, for the end of the safety phase
 */
export function scheduleFaults(
  world: Parameters<typeof strike>[0],
  { seed, faults }: Pick<Scenario, 'seed' | 'faults'>,
  start: number,
  length: number,
): Heal[] {
  const heals: Heal[] = []
  const occurrences = new Map<string, number>()
  for (const fault of faults) {
    const word = formatFault(fault)
    const occurrence = occurrences.get(word) ?? 0
    occurrences.set(word, occurrence + 1)
    let isOver = false
    let heal: Heal | undefined
    const end = (): void => {
      isOver = true
      heal?.()
      heal = undefined
    }
    world.time.timer(start + Math.min(fault.at, length), () => {
      if (isOver) return
      heal = strike(world, seed, fault, occurrence)
      if (fault.duration > 0) world.time.timer(fault.duration, end)
    })
    heals.push(end)
  }
  return heals
}
