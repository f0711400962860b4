import { writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type PlantedBug, plantBug } from '../runtime/planted-bugs.js'
import { described, type Outcomes, sumOf } from './outcomes.js'
import { type Fault, type SimulationOptions, StoreSimulation } from './store-simulation.js'

/** More seeds than in every test run: `SEEDS=2000 FIRST_SEED=1000 npx vitest run src/store/simulation.test.ts`. */
const seeds = Number(process.env.SEEDS ?? 3)
const first = Number(process.env.FIRST_SEED ?? 0)
/** The long run, some minutes for every 100,000: `WRITES=1000000 npx vitest run src/store/simulation.test.ts -t million`. */
const writes = Number(process.env.WRITES ?? 0)
const graceful: readonly Fault[] = [
  'join',
  'leave',
  'suspect',
  'partition',
  'mute',
  'freeze',
  'park',
  'lag',
  'clock',
]
const longest = 600_000

const run = (seed: number, options: Partial<SimulationOptions> = {}) =>
  new StoreSimulation({ seed, faults: graceful, nodes: 4 + (seed % 5), ...options }).run()

/** Views that change often and are heard of late, with no copy to spare. */
const churn: Partial<SimulationOptions> = {
  faults: ['join', 'leave', 'partition', 'park', 'lag'],
  nodes: 6,
  replicas: 2,
  faultEvery: 500,
  longestLag: 8_000,
  duration: 15_000,
}
/** A crash every minute on eight peers, and as many newcomers. */
const crashes: Partial<SimulationOptions> = {
  faults: ['crash', 'join'],
  nodes: 8,
  faultEvery: 30_000,
}
/** Pages that reload while everything else happens. */
const reloads: Partial<SimulationOptions> = { faults: [...graceful, 'reload'], edges: 2 }
/** Deleted keys are forgotten within the run. */
const forgetful: Partial<SimulationOptions> = { tombstoneTime: 60_000, quiet: 150_000 }
/** Peers that are away for far longer than deleted keys are remembered. */
const absent: Partial<SimulationOptions> = {
  faults: ['away', 'away', 'join', 'leave', 'suspect', 'park', 'partition', 'crash'],
  nodes: 6,
  tombstoneTime: 20_000,
  duration: 400_000,
  faultEvery: 15_000,
  writeEvery: 500,
}

describe('the state under faults', () => {
  it(
    'loses no acknowledged write without crashes, tells every watch, believes no wrong clock, and comes to agree',
    () => {
      let acknowledged = 0
      let slowest = 0
      const outcomes: Outcomes[] = []
      for (let seed = first; seed < first + seeds; seed++) {
        const result = run(seed)
        expect(result.violations, `seed ${seed}`).toEqual([])
        expect(result.lost, `seed ${seed}`).toBe(0)
        acknowledged += result.acknowledged
        slowest = Math.max(slowest, result.converged)
        outcomes.push(result.outcomes)
      }
      const all = sumOf(outcomes)
      if (process.env.SEEDS !== undefined) console.log(`${seeds} graceful runs: ${described(all)}`)
      expect(all).toMatchObject({ lost: 0, neverRead: 0, stable: all.acknowledged })
      expect(acknowledged).toBeGreaterThan(seeds * 250)
      expect(slowest).toBeLessThanOrEqual(30_000)
    },
    longest,
  )

  it.each([
    ['churn and late views', churn],
    ['short-lived tombstones', forgetful],
    ['absences longer than tombstones live', absent],
    ['reloads, with edge workers that crash', reloads],
  ])(
    'keeps its promises under %s',
    (_, options) => {
      for (let seed = first; seed < first + Math.ceil(seeds / 4); seed++)
        expect(run(seed, options).violations, `seed ${seed}`).toEqual([])
    },
    longest,
  )

  it(
    'gives the same run for the same seed',
    () => {
      const short = { duration: 5_000, quiet: 20_000 }
      expect(run(7, short)).toEqual(run(7, short))
    },
    longest,
  )

  it(
    'loses at most what the last copies of crashed peers held, and nothing that was durable',
    () => {
      let acknowledged = 0
      let lost = 0
      let durable = 0
      for (let seed = first; seed < first + Math.ceil(seeds / 3); seed++) {
        const options = { ...crashes, edges: 2, faultEvery: 10_000, duration: 60_000, writeEvery: 60 }
        const result = run(seed, options)
        expect(result.violations, `seed ${seed}`).toEqual([])
        acknowledged += result.acknowledged
        durable += result.durable
        lost += result.lost
      }
      expect(acknowledged).toBeGreaterThan(Math.ceil(seeds / 3) * 500)
      expect(durable).toBeGreaterThan(Math.ceil(seeds / 3) * 100)
      // Two of three copies may die within the six seconds before a crash is noticed; here crashes are far apart.
      expect(lost).toBe(0)
    },
    longest,
  )
})

if (writes === 0)
  console.log(
    "skipped: 3 tests of 'a million writes', which take hours; WRITES=1000000 in the environment runs them",
  )

describe.runIf(writes > 0)('a million writes', () => {
  it.each([
    ['no crash', 0, {}],
    ['a crash every minute on 8 peers', 5, { ...crashes, duration: 120_000 }],
    [
      'that and two edge workers, three writes in ten durable',
      5,
      { ...crashes, edges: 2, duration: 120_000 },
    ],
  ] satisfies [string, number, Partial<SimulationOptions>][])(
    'with %s',
    (name, perMillion, options) => {
      let acknowledged = 0
      let lost = 0
      let explained = 0
      let durable = 0
      let slowest = 0
      let seed = first
      const outcomes: Outcomes[] = []
      for (; acknowledged < writes; seed++) {
        const result = run(seed, { writeEvery: 10, ...options })
        // Only what the crash of the last copy took may be missing: everything else is a violation.
        expect(result.violations, `seed ${seed}`).toEqual([])
        acknowledged += result.acknowledged
        lost += result.lost
        explained += result.explained
        durable += result.durable
        slowest = Math.max(slowest, result.converged)
        outcomes.push(result.outcomes)
        // A run that is ended early has told how far it came; the console would be heard at the end only, as nothing waits here.
        if (Math.floor(acknowledged / 10_000) > Math.floor((acknowledged - result.acknowledged) / 10_000))
          writeSync(1, `${name}, so far: ${acknowledged} acknowledged, ${described(sumOf(outcomes))}\n`)
      }
      const explanation = `${lost} lost (${explained} with the crash of their last holder)`
      console.log(`${name}: ${acknowledged} acknowledged in ${seed - first} runs, ${explanation}`)
      console.log(`${durable} keys durable, none lost; owners agree after ${slowest} ms at the longest`)
      console.log(described(sumOf(outcomes)))
      // A slice has its share of luck: what counts is the sum of all.
      expect(lost).toBeLessThanOrEqual(Math.ceil((perMillion * acknowledged) / 1e6))
      expect(slowest).toBeLessThanOrEqual(30_000)
    },
    24 * 3_600_000,
  )
})

describe('planted bugs are found', () => {
  const bugs: [PlantedBug, Partial<SimulationOptions>][] = [
    ['push-once', {}],
    ['drop-after-one-ack', {}],
    ['drop-unpinned', churn],
    ['unbounded-clock', {}],
    ['tombstone-dropped-early', forgetful],
    ['tombstone-without-missing', absent],
    ['hint-counted-as-write', {}],
    ['watch-misses-move', {}],
  ]
  /** DESIGN and the plan ask for 200; all are found within a few. */
  const most = 200

  it.each(bugs)(
    '%s',
    (bug, options) => {
      const takeOut = plantBug(bug)
      try {
        let found: string | undefined
        for (let seed = 0; seed < most && found === undefined; seed++) [found] = run(seed, options).violations
        expect(found).toBeDefined()
      } finally {
        takeOut()
      }
    },
    longest,
  )
})
